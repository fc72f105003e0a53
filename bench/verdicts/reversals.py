"""Where validation or test data say otherwise than the headline."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import numpy as np
import pandas as pd

from bench import stats
from bench.tables.headline import Headline, Headlines
from bench.verdicts.samples import Sample, Terms, samples
from nncore.metrics import Columns


def reversals(
    judged: pd.DataFrame,
    found: Sequence[Sample],
    metrics: Columns,
    fixed: Collection[str] = (),
    terms: Mapping[str, Terms] | None = None,
) -> dict[str, tuple[str, list[Headline]]]:
    """By problem, who is ahead of the headline's winner in other metrics, and in which.

    `found` are the distinct samples of the headlines. Of the metrics of validation and test parts,
    of the same record, those count whose best median is another optimizer's, ahead of the winner on
    the same seeds by a 95% interval of its own, on the same `terms`. Of several such optimizers the
    one of most metrics.
    """
    others: dict[str, dict[str, list[Headline]]] = {}
    for column, quantity in metrics.items():
        if column.startswith("train_"):
            continue
        of = {s.problem: Headline(s.headline.kind, column, quantity) for s in found if s.random}
        if not any(headline.name in judged for headline in of.values()):
            continue  # of problems without that part, or of another kind
        own = {s.problem: s for s in found if s.random and s.headline.column != column}
        rows = judged[judged["problem"].isin(list(own))]
        for other in samples(rows, fixed, Headlines(of), terms):
            if ahead := _ahead(own[other.problem], other.distinct()):
                others.setdefault(other.problem, {}).setdefault(ahead, []).append(other.headline)
    return {
        problem: max(names.items(), key=lambda entry: len(entry[1]))
        for problem, names in others.items()
    }


def _ahead(own: Sample, other: Sample) -> str:
    """Who beats the one winner of `own` in `other`, a sample of the same runs; empty if nobody."""
    first, best = _first(own), _first(other)
    if first is None or best is None or first == best:
        return ""
    _, gaps = other.extremes(best, first)
    scale = other.scale
    ahead = len(gaps) and stats.compare(gaps, other.margin.size(scale), stats.CONFIDENCE).lead < 0
    return other.label(best) if ahead else ""


def _first(sample: Sample) -> int | None:
    """Who alone has the best median, if anybody has."""
    known = [sample.known(i) for i in range(len(sample.optimizers))]
    medians = np.array([stats.median(costs) if len(costs) else np.inf for costs in known])
    medians = sample.level(medians)
    [places] = np.nonzero(medians == medians.min())
    return int(places[0]) if len(places) == 1 and np.isfinite(medians.min()) else None
