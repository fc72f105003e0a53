"""Results as a user holds them: frames, files, and how many trials ended how."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from bench.plan.manifest import Manifest
from bench.store.store import Store

if TYPE_CHECKING:
    import pandas as pd

    from bench.session.plots import Plots

from bench.session.folder import read_manifest, statuses
from bench.session.rounds import standing


@dataclass(frozen=True)
class Results:
    """A results folder after a run, or as it is: `.trials`, `.curves` and `.summary` as frames.

    `files` are those of the report; `trained` says how many trials this call trained, `crashed` how
    many of the experiment's ended as crashed, for which `reasons` (the most frequent first),
    `missing` how many have no outcome yet, and `undecided` how many pairs of optimizers, and
    quantities of claims, another round of seeds would go on with.
    """

    folder: Path
    manifest: Manifest
    files: tuple[Path, ...] = ()
    trained: int = 0
    crashed: int = 0
    missing: int = 0
    reasons: Mapping[str, int] = field(default_factory=dict)
    undecided: int = 0

    def __repr__(self) -> str:
        """A line: the manifest alone may have megabytes."""
        counts = {"trained now": self.trained, "crashed": self.crashed, "missing": self.missing}
        told = "".join(f", {count:,} {word}" for word, count in counts.items() if count)
        return (
            f"<{self.manifest.name} in {self.folder}: {len(self.manifest.trials):,} trials{told}>"
        )

    @property
    def unjudged(self) -> bool:
        """Whether all configurations have been tried and none judged on evaluation seeds yet."""
        return self.manifest.tuned and not self.missing

    @cached_property
    def trials(self) -> pd.DataFrame:
        """A row per trial, as in `trials.csv`."""
        from bench.tables.trials import trials_frame

        with Store.read(self.folder) as store:
            return trials_frame(store, self.manifest)

    @cached_property
    def curves(self) -> pd.DataFrame:
        """A row per trial and recorded epoch, as in `curves.csv`."""
        from bench.tables.curves import curves_frame

        with Store.read(self.folder) as store:
            return curves_frame(store, self.manifest.trials, self.manifest.columns)

    @cached_property
    def plot(self) -> Plots:
        """Charts for papers and notebooks: `result.plot.curves(problem="spiral")`."""
        from bench.session.plots import Plots

        return Plots(self.folder)

    @cached_property
    def summary(self) -> pd.DataFrame:
        """A row per problem and configuration, as in `summary.csv`."""
        from bench.tables.summary import summary_frame

        return summary_frame(self.trials, self.manifest.fixed)

    @property
    def ranking(self) -> pd.DataFrame:
        """A row per problem and optimizer, as in `ranking.csv`."""
        return self.plot.material.verdicts.ranking

    @property
    def pairs(self) -> pd.DataFrame:
        """A row per problem and pair of optimizers, as in `pairs.csv`."""
        return self.plot.material.verdicts.pairs

    @property
    def verdicts(self) -> tuple[str, ...]:
        """The sentences of `verdicts.txt`, the claims' first."""
        from bench.verdicts import claim_words

        material = self.plot.material
        return (*claim_words.sentences(material.claims), *material.verdicts.sentences)

    def _repr_html_(self) -> str:
        """In a notebook: verdicts, the ranking as a picture, and as a table."""
        from bench.page.notebook import summary

        return summary(repr(self), None if self._none_ended else self.plot.material)

    @property
    def _none_ended(self) -> bool:
        """Whether no trial has an outcome that figures could show."""
        return self.crashed + self.missing == len(self.manifest.trials)


def open_results(folder: str | Path) -> Results:
    """The results in `folder`, as they are now, without running any code of a spec's.

    Raises StoreError when there are none, DamagedError when they cannot be read.
    """
    folder = Path(folder)
    with Store.read(folder) as store:
        return results_of(folder, read_manifest(store), store)


def results_of(
    folder: Path,
    manifest: Manifest,
    store: Store,
    files: tuple[Path, ...] = (),
    trained: int = 0,
) -> Results:
    """The results of `manifest` in `folder`, as far as `store` has them."""
    mine = statuses(store, manifest.trials)
    lost = [t.key for t, status in zip(manifest.trials, mine, strict=True) if status == "crashed"]
    reasons = dict(Counter(store.trials(lost).reason).most_common())
    missing = mine.count("missing")
    now = None if missing else standing(store, manifest)
    undecided = sum(now.undecided[p] + now.claims[p] for p in now.open) if now else 0
    return Results(folder, manifest, files, trained, len(lost), missing, reasons, undecided)
