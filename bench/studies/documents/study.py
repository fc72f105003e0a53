"""From specs to tables and figures: everything that `make documents` computes and writes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd

from bench.session.results import Results
from bench.spec.experiment import Experiment
from bench.studies.documents import (
    figures,
    keep,
    log_linear,
    printed,
    runs,
    sheets,
    slips,
    standings,
)
from bench.studies.documents.continued import continued
from bench.studies.documents.keep import Arrays
from bench.studies.documents.printed import Trace
from bench.studies.documents.runs import Array, Overrides
from bench.studies.documents.standings import Standing, standing

EVERY = 20  # epochs between two of the per-sample losses as printed
TOGETHER = 250  # seeds of one stack of them
STALE_SEEDS = 100  # of the full batch as printed, one by one in the reference
PRINTED, INTENDED = "as printed", "as intended"


@dataclass(frozen=True)
class Study:
    """Tables (`percentiles`, `traces`, `slips`) and the files that hold them and the figures."""

    tables: Mapping[str, pd.DataFrame]
    files: tuple[Path, ...]


def write(
    out: Path,
    *,
    jobs: int | None = None,
    overrides: Overrides | None = None,
    fresh: bool = False,
    say: Callable[[str], None] = lambda _: None,
) -> Study:
    """Train what is missing, and write tables and figures into `out`. Raises as `runs.run` does."""
    results = runs.run(out, jobs=jobs, overrides=overrides, fresh=fresh, say=say)
    say("what no spec can say: the pages' own cells continued, document 004's runs as printed")
    regression = runs.experiment("004_log_linear", overrides)
    end = int(results["003_spiral"].curves["epoch"].max())
    kept = keep.gather(out / "kept", tasks(regression, end), jobs)
    samples = {name: _joined(kept, "samples", name) for name in ("printed", "dead")}
    last = log_linear.LastSamples(samples["printed"], samples["dead"].astype(bool))
    epochs = kept["samples 0"]["epochs"]
    unseeded, spirals = printed.unseeded(), printed.spirals()
    found = _standings(results, [*unseeded, *spirals], epochs, last.printed)
    [single] = [trace for trace in unseeded if trace.problem == "per_sample"]
    losses = runs.at(epochs[-1:], *sheets.curve(results["004_log_linear"], single))[:, 0]
    say("tables and figures")
    tables = {
        "traces": pd.DataFrame([standings.trace_row(s) for s in found]),
        "percentiles": pd.concat([standings.percentile_rows(s) for s in found]),
        "slips": slips.table(results, last, losses, _joined(kept, "stale", "losses")),
    }
    files = []
    for name, frame in tables.items():
        files.append(out / f"{name}.csv")
        frame.to_csv(files[-1], index=False, lineterminator="\n")
    own = {int(n.removeprefix("cell ")): a for n, a in kept.items() if n.startswith("cell ")}
    for sheet in (
        *sheets.unseeded(results, unseeded),
        *sheets.spirals(results, spirals, own),
        *sheets.log_linear(results, unseeded, epochs, last.printed),
    ):
        files += figures.write(sheet, out / "figures")
    return Study(tables, tuple(files))


def tasks(regression: Experiment, end: int) -> dict[str, partial[Arrays]]:
    """What is computed beside the specs, by the name of its file.

    `regression` is document 004's experiment; the cells of document 003 go on to epoch `end`.
    """
    problems = {p.name: p.problem for p in regression.problems}
    [configuration] = regression.optimizers[0].configurations
    full, single = problems["full_batch"], problems["per_sample"]
    epochs = range(0, single.epochs, EVERY)
    found: dict[str, partial[Arrays]] = {
        f"cell {cell['cell']}": partial(continued, cell["run"], end)
        for cell in printed.training_cells()
    }
    for number, start in enumerate(range(0, len(regression.seeds), TOGETHER)):
        seeds = regression.seeds[start : start + TOGETHER]
        found[f"samples {number}"] = partial(
            log_linear.samples_task, single, configuration, seeds, tuple(epochs)
        )
    for number, start in enumerate(range(0, min(STALE_SEEDS, len(regression.seeds)), 10)):
        seeds = regression.seeds[:STALE_SEEDS][start : start + 10]
        found[f"stale {number}"] = partial(
            log_linear.stale_task, full, configuration, seeds, full.epochs
        )
    return found


def _joined(kept: Mapping[str, Arrays], kind: str, name: str) -> Array:
    """One array of all files of a kind, along seeds, in their order."""
    return np.vstack([arrays[name] for task, arrays in kept.items() if task.startswith(kind)])


def _standings(
    results: Mapping[str, Results], traces: Sequence[Trace], epochs: Array, last: Array
) -> list[Standing]:
    """Every printed curve among the seeds, document 004's as printed and as intended.

    `last` (S, E) are the per-sample losses as the page prints them, at its `epochs` (E,).
    """
    spec_of = {"000": "000_blobs", "001": "001_people", "003": "003_spiral"}
    found = []
    for trace in traces:
        if trace.document != "004":
            found.append(_standing(results[spec_of[trace.document]], trace, PRINTED))
            continue
        if trace.problem == "full_batch":
            found.append(_standing(results["004_as_printed"], trace, PRINTED))
        else:
            shown = trace.until(epochs[-1] + 1)
            ours = runs.at(shown.epochs, epochs, last) / trace.scale
            found.append(standing(shown, PRINTED, ours))
        found.append(_standing(results["004_log_linear"], trace, INTENDED))
    return found


def _standing(spec: Results, trace: Trace, variant: str) -> Standing:
    epochs, values = runs.curves(spec, trace.problem, trace.optimizer, trace.metric)
    shown = trace.until(epochs[-1])
    return standing(shown, variant, runs.at(shown.records, epochs, values))
