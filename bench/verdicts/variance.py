"""Where variance between runs comes from: a row per configuration and stream; `variance.csv`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bench import stats
from bench.tables.headline import Headline, Headlines
from bench.tables.variance import Twins
from bench.verdicts.samples import Sample, Terms

Array = NDArray[np.float64]
ALL_STREAMS = "all"
NAMES = {
    "data": "data",
    "start": "initial parameters",
    "order": "order of samples",
    "rule": "the rule's own draws",
}
LOGARITHMS, VALUES, RANKS = "logarithms", "values", "ranks"
FEWEST = 3  # rows
SHARES = ["share", "share_low", "share_high", "alone", "alone_low", "alone_high"]
COLUMNS = ["problem", "optimizer", "configuration", "metric", "stream", "scale", "seeds"]
COLUMNS += ["diverged", "crashed", "deviation", *SHARES, "note"]


def variance(
    twins: Sequence[Twins], headlines: Headlines, terms: Mapping[str, Terms]
) -> pd.DataFrame:
    """A row per stream of every configuration, and one for all streams together.

    `share` is what of the variance remains where the other streams are held, `alone` what a stream
    explains without the others, `deviation` the standard deviation that remains. `scale` is that of
    the variance: of logarithms, where losses are compared by ratios; of values; or, where a run is
    infinitely bad, of ranks among these runs. `seeds` counts the rows of runs, of which `crashed`
    more have none; `diverged` and `crashed` count runs. `note` says why a stream has no share.
    """
    rows: list[dict[str, Any]] = []
    for one in twins:
        rows += _rows(one, headlines, terms.get(one.design.problem, Terms()))
    return pd.DataFrame(rows, columns=COLUMNS)


def _rows(one: Twins, headlines: Headlines, terms: Terms) -> Iterator[dict[str, Any]]:
    design, headline = one.design, headlines.of_problem(one.design.problem)
    whole = ~(np.isnan(one.costs) | one.crashed).any(axis=1)
    costs = one.costs[whole]
    scale, values = _scaled(costs, headline, terms)
    common = {
        "problem": design.problem,
        "optimizer": design.optimizer,
        "configuration": design.configuration,
        "metric": headline.name,
        "scale": scale,
        "seeds": len(costs),
        "diverged": int(one.diverged.sum()),
        "crashed": int(one.crashed.sum()),
    }
    if len(costs) < FEWEST:
        few = f"{len(costs)} rows of runs came to an end, too few"
        yield from ({**common, "stream": stream, "note": few} for stream in design.streams)
        return
    if len(design.streams) == 1:
        values = np.column_stack([values[:, 0], values[:, 0]])
    found = stats.variance_shares(values)
    same = "all runs end alike" if not found.variance else ""
    for stream in NAMES:
        row = {**common, "stream": stream, "note": same}
        if stream in design.streams:
            at = design.streams.index(stream)
            ends = (
                *(found.share, found.low, found.high),
                *(found.alone, found.alone_low, found.alone_high),
            )
            row |= {name: float(part[at]) for name, part in zip(SHARES, ends, strict=True)}
            row["deviation"] = float(np.sqrt(float(found.variance) * found.share[at]))
            if len(design.streams) == 1 and not same:
                row["note"] = "the only stream"
            yield row
        elif stream in design.absent:
            yield {**row, "note": design.absent[stream]}
    yield {
        **common,
        "stream": ALL_STREAMS,
        "deviation": float(np.sqrt(found.variance)),
        "share": np.nan if same else 1.0,
        "note": same,
    }


def _scaled(costs: Array, headline: Headline, terms: Terms) -> tuple[str, Array]:
    """Costs `(n, 1 + m)` on the scale on which their variance is told: its name, and the values."""
    floor = terms.floor if headline.is_loss else 0.0
    sample = Sample("", ("",), (), costs.reshape(1, -1), floor=floor, headline=headline)
    scale, values = VALUES, costs
    if sample.scale is stats.Scale.RATIO:
        with np.errstate(divide="ignore"):
            scale, values = LOGARITHMS, np.log(sample.level(costs))
    if np.isfinite(values).all():
        return scale, values
    return RANKS, stats.as_ranks(costs)


def told(frame: pd.DataFrame) -> list[str]:
    """A line per configuration: what share of the variance each stream has, and of what."""
    lines = []
    for (problem, optimizer), rows in frame.groupby(["problem", "optimizer"], sort=False):
        first, parts = rows.iloc[0], []
        for row in rows[rows["stream"] != ALL_STREAMS].to_dict("records"):
            name = NAMES[row["stream"]]
            if np.isnan(row["share"]):
                parts.append(f"{name}: none, {row['note']}")
            elif row["note"]:
                parts.append(f"{name}: {row['note']}")
            else:
                ends = f"{100 * row['share_low']:.0f} to {100 * row['share_high']:.0f}%"
                parts.append(f"{name} {100 * row['share']:.0f}% ({ends})")
        of = "" if first["scale"] == VALUES else f"{first['scale']} of "
        lost = [f"{first[k]} {k}" for k in ("diverged", "crashed") if first[k]]
        runs = f"; {' and '.join(lost)} of the runs" if lost else ""
        what = f"{problem}, {optimizer} ({of}{first['metric']})"
        lines.append(f"{what}: {'; '.join(parts)}{runs}")
    return lines
