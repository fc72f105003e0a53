"""What a report says in words: how configurations were chosen, the verdicts, the audit."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from bench.plan.manifest import Manifest
from nncore.files import open_plain, read_plain

if TYPE_CHECKING:
    import pandas as pd


VERDICTS = "verdicts.txt"


def seeds_told(manifest: Manifest, trials: pd.DataFrame, *, choice: bool = True) -> str:
    """How configurations were chosen and on which seeds they are judged.

    Empty where both are the same seeds, a fixed number of them.
    """
    from bench.tables.headline import criterion_words
    from bench.tables.phases import all_evaluated

    tuning, counts = manifest.tuning, manifest.evaluation_seeds.values()
    if not counts or not (all_evaluated(trials, manifest.fixed) if tuning else manifest.until):
        return ""
    low, high = min(counts), max(counts)
    judged = f"{low:,}" if low == high else f"{low:,} to {high:,}"
    added = ", added until all is decided or has the most" if manifest.until else ""
    if tuning is None:
        return f"Judged on {judged} seeds{added}."
    judged += " evaluation " + ("seed" if high == 1 else "seeds")
    if not choice:
        return f"The one configuration of each optimizer, judged on {judged}{added}."
    chosen = len(tuning.seeds)
    return (
        f"Chosen by the {criterion_words(manifest)} on {chosen} tuning "
        f"{'seed' if chosen == 1 else 'seeds'}, judged on {judged} that the choice has not "
        f"seen{added}."
    )


def sweep_told(manifest: Manifest, trials: pd.DataFrame) -> str:
    """On which seeds all configurations ran, if the best of them are judged on others."""
    if manifest.tuning is None or not seeds_told(manifest, trials):
        return ""
    return f"All runs are on the {len(manifest.tuning.seeds)} tuning seeds."


def told(folder: Path) -> list[tuple[str, list[str]]]:
    """What a report says in words, from its files: titles and their lines.

    What epochs cost is wall-clock and so stands in no text file, only here. Nothing is said where
    somebody has changed the files since.
    """
    import pandas as pd

    from bench.tables import costs
    from bench.verdicts import audit

    text = ["problem", "optimizer", "figures", "message"]
    prices = {"problem": str, "rule": str}
    try:
        sentences = read_plain(folder / VERDICTS, links=False).decode().splitlines()
        with open_plain(folder / "audit.csv", links=False) as file:
            found = pd.read_csv(file, dtype=dict.fromkeys(text, str), keep_default_na=False)
        with open_plain(folder / "seconds.csv", links=False) as file:
            seconds = pd.read_csv(file, dtype=prices, keep_default_na=False, na_values=[""])
        return [
            ("verdicts", sentences),
            ("audit", audit.told(found)),
            ("costs", costs.told(seconds)),
        ]
    except (OSError, ValueError, KeyError):
        return []
