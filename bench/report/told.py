"""What a report says in words: how configurations were chosen, the verdicts, the audit."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from bench.plan.manifest import Manifest

if TYPE_CHECKING:
    import pandas as pd


VERDICTS = "verdicts.txt"


def seeds_told(manifest: Manifest, trials: pd.DataFrame) -> str:
    """How configurations were chosen and on which seeds they are judged, if on seeds of their own.

    Empty otherwise.
    """
    from bench.tables.headline import criterion_words
    from bench.tables.phases import all_evaluated

    if manifest.tuning is None or not all_evaluated(trials, manifest.fixed):
        return ""
    judges = {t.seed for t in manifest.trials if manifest.phase(t) == "evaluation"}
    chosen, judged = len(manifest.tuning.seeds), len(judges)
    return (
        f"Chosen by the {criterion_words(manifest)} on {chosen} tuning "
        f"{'seed' if chosen == 1 else 'seeds'}, judged on {judged} evaluation "
        f"{'seed' if judged == 1 else 'seeds'} that the choice has not seen."
    )


def sweep_told(manifest: Manifest) -> str:
    """On which seeds all configurations of a tuned experiment ran."""
    assert manifest.tuning is not None
    return f"All runs are on the {len(manifest.tuning.seeds)} tuning seeds."


def told(folder: Path) -> list[tuple[str, list[str]]]:
    """What a report says in words, from its files: titles and their lines.

    What epochs cost is wall-clock and so stands in no text file, only here.
    """
    import pandas as pd

    from bench.verdicts import audit

    if not (folder / VERDICTS).exists():
        return []
    sentences = (folder / VERDICTS).read_text(encoding="utf-8").splitlines()
    text = ["problem", "optimizer", "figures", "message"]
    found = pd.read_csv(folder / "audit.csv", dtype=dict.fromkeys(text, str), keep_default_na=False)
    return [("verdicts", sentences), ("audit", audit.told(found))]
