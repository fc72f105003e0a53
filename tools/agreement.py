"""The table of docs/bridges.md: how far ours are from PyTorch's and optax's, in their losses.

`python tools/agreement.py` reads `results/torch`, which `bench run experiments/torch.toml` writes.
"""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pandas as pd

ROOT = Path(__file__).resolve().parents[1]
PAGE, FOLDER = ROOT / "docs" / "bridges.md", ROOT / "results" / "torch"


def apart(curves: pd.DataFrame, ours: str, theirs: str) -> tuple[float, float]:
    """The largest gap of two optimizers' training losses, anywhere and at the end, over seeds."""
    wide = curves.pivot_table(index=["seed", "epoch"], columns="optimizer", values="train_loss")
    gaps = (wide[ours] - wide[theirs]).abs()
    last = gaps[gaps.index.get_level_values("epoch") == curves["epoch"].max()]
    return float(gaps.max()), float(last.max())


def table() -> str:
    """A row for each of theirs."""
    curves = pd.read_csv(FOLDER / "curves.csv")
    names = curves["optimizer"].unique()
    problems = curves["problem"].unique()
    lines = [f"| theirs | {' | '.join(problems)} |", "|---|" + "--:|" * len(problems)]
    for name in names:
        ours, _, other = name.partition(" (")
        if not other:
            continue
        cells = []
        for problem in problems:
            mine = curves[curves["problem"] == problem]
            most, last = apart(mine, ours, name)
            level = np.median(
                mine[(mine["optimizer"] == ours) & (mine["epoch"] == mine["epoch"].max())][
                    "train_loss"
                ]
            )
            cells.append(f"{most:.0e}, {last:.0e} of {level:.3g}")
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(lines)


def main() -> None:
    """Write the table."""
    page = re.sub(
        r"(<!-- agreement -->\n).*?(<!-- end -->)",
        lambda found: f"{found[1]}{table()}\n{found[2]}",
        PAGE.read_text(),
        flags=re.DOTALL,
    )
    PAGE.write_text(page)


if __name__ == "__main__":
    main()
