"""The table of docs/bridges.md: how far ours are from PyTorch's and optax's, in their losses.

`python tools/agreement.py` reads `results/torch`, which `bench run experiments/torch.toml` writes.
"""

from __future__ import annotations

import re
from pathlib import Path

import pandas as pd

ROOT = Path(__file__).resolve().parents[1]
PAGE, FOLDER = ROOT / "docs" / "bridges.md", ROOT / "results" / "torch"


def finals(curves: pd.DataFrame, optimizer: str) -> pd.Series[float]:
    """An optimizer's training losses after the last epoch, by seed."""
    mine = curves[(curves["optimizer"] == optimizer) & (curves["epoch"] == curves["epoch"].max())]
    return mine.set_index("seed")["train_loss"]


def cell(curves: pd.DataFrame, ours: str, theirs: str) -> str:
    """Median final losses of ours and theirs; the median and largest difference on one seed."""
    mine, other = finals(curves, ours), finals(curves, theirs)
    gaps = (mine - other).abs()
    return f"{mine.median():.3g}, {other.median():.3g}; {gaps.median():.0e}, {gaps.max():.0e}"


def table() -> str:
    """A row for each of theirs."""
    curves = pd.read_csv(FOLDER / "curves.csv")
    problems = {str(name): part for name, part in curves.groupby("problem", sort=False)}
    lines = [f"| theirs | {' | '.join(problems)} |", "|---|" + "--:|" * len(problems)]
    for name in curves["optimizer"].unique():
        ours, _, other = name.partition(" (")
        if other:
            cells = [cell(part, ours, name) for part in problems.values()]
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
