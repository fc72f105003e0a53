"""All that the page's scripts draw and list, as blobs: an index, points by problem, tables."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from bench.figures.material import Material
from bench.figures.style import COLOURS, MARKERS, STROKES, Look, metric_label
from bench.page import points as pointed
from bench.page.packing import Blob, frame
from bench.page.points import Points
from bench.plan.manifest import Manifest
from bench.store.store import Store
from bench.tables.columns import hyperparameters
from bench.tables.costs import with_prices
from bench.tables.headline import without_costs
from bench.tables.trials import TrialRows
from nncore.metrics import PART_WORDS, TRAIN_LOSS

ROWS = 50_000  # of a table on the page
SECONDS = "_seconds"
UNSHOWN = ("key", "train_seconds")  # columns of trials that are for programs
STAIRS = "stairs"  # a figure's, no table of the report
# What plotly calls the strokes and marks of figures.
DASHES = ("solid", "dash", "dot", "dashdot")
SYMBOLS = {
    **{"o": "circle", "s": "square", "^": "triangle-up", "D": "diamond", "v": "triangle-down"},
    **{"P": "cross", "X": "x", "<": "triangle-left", ">": "triangle-right", "p": "pentagon"},
    "h": "hexagon",
}


@dataclass(frozen=True)
class Content:
    """The blobs of a page by name, and what it leaves out, in sentences."""

    blobs: Mapping[str, str]
    left_out: tuple[str, ...]


def content(
    store: Store, manifest: Manifest, material: Material, tables: Mapping[str, pd.DataFrame]
) -> Content:
    """What a page holds of `material`, whose problems and optimizers are those it shows.

    `tables` are those of the report, by name; the trials and the summary come from the material.
    """
    trials = material.tables.trials
    points, chosen = _points(store, manifest, material)
    left = []
    if len(chosen) < len(trials):
        what = "the best configurations" if len(chosen) else "no trial, bands of the best alone"
        left.append(
            f"points of {len(chosen):,} of {len(trials):,} trials are here ({what}); curves.csv "
            "has all"
        )
    blobs = {f"points-{i}": points[name].text() for i, name in enumerate(material.problems)}
    shown = {
        "summary": without_costs(material.tables.summary),
        "trials": _rows_of(store, manifest, material),
        **tables,
        STAIRS: material.verdicts.stairs,
    }
    listed = []
    for name, table in shown.items():
        own = table.drop(columns=[c for c in table if c in UNSHOWN or str(c).endswith(SECONDS)])
        if name == "seconds":  # on the clock
            continue
        count = len(trials) if name == "trials" else len(own)
        own = own.iloc[:ROWS]
        if count > len(own):
            left.append(f"{len(own):,} of {count:,} rows of {name} are here; {name}.csv has all")
        blob = Blob()
        blobs[f"table-{name}"] = blob.text(frame(blob, own))
        if name != STAIRS:
            listed.append({"name": name, "rows": len(own), "of": count})
    blobs["clock"] = _clock(material, tables)
    rounding = float(np.expm1(max((each.step for each in points.values()), default=0.0) / 2))
    index = _index(manifest, material) | {"tables": listed, "rounding": rounding}
    return Content({"index": Blob().text(index), **blobs}, tuple(left))


def _rows_of(store: Store, manifest: Manifest, material: Material) -> pd.DataFrame:
    """The rows of all trials; where there are too many, of the best configurations alone."""
    tables = material.tables
    trials, runs, whole = tables.trials, tables.runs, tables.whole
    if len(trials) > ROWS:
        return without_costs(runs[:ROWS])
    if whole is not None:
        return without_costs(whole)
    return TrialRows(store, manifest).rows(manifest.plan.only(trials["trial"]), keys=False)


def _points(
    store: Store, manifest: Manifest, material: Material
) -> tuple[dict[str, Points], pd.DataFrame]:
    """The points of every problem, and the trials that are among them."""
    tables = material.tables
    ended = tables.trials[tables.trials["status"] != "crashed"]
    summary = tables.summary[tables.summary["crashed"] < tables.summary["seeds"]]
    finals = [c for c in summary if str(c).startswith("final_") and str(c).endswith("_median")]
    width = (summary.groupby("problem")[finals].count() > 0).sum(axis=1)
    planned = manifest.problems
    sizes = {
        str(name): int(count) * (planned[str(name)].epochs // planned[str(name)].record_every + 1)
        for name, count in width.items()
    }
    chosen = pointed.kept(ended, tables.runs, sizes)
    found: defaultdict[str, Points] = defaultdict(Points)
    pointed.packed(store, manifest.plan.only(chosen["trial"]), tables.metrics, found.__getitem__)
    if not len(chosen):
        for problem, rows in tables.bands.groupby("problem", sort=False):
            pointed.banded(found[str(problem)], rows, tables.metrics)
    return found, chosen


def _clock(material: Material, tables: Mapping[str, pd.DataFrame]) -> str:
    """What two runs of one spec need not have in common: seconds."""
    blob = Blob()
    priced = with_prices(material.tables.best, material.tables.costs)
    known = priced[priced["epoch_seconds"].notna()]
    worth: defaultdict[str, dict[str, float]] = defaultdict(dict)
    for problem, optimizer, seconds in known[["problem", "optimizer", "epoch_seconds"]].itertuples(
        index=False, name=None
    ):
        worth[problem][optimizer] = float(seconds)
    own = {
        name: table[[c for c in table if str(c).endswith(SECONDS)]]
        for name, table in tables.items()
    }
    own["seconds"] = material.tables.costs
    kept = {name: frame(blob, table) for name, table in own.items() if len(table.columns)}
    return blob.text({"epoch": worth, "tables": kept})


def _index(manifest: Manifest, material: Material) -> dict[str, Any]:
    """What the scripts need before they draw anything."""
    metrics = material.tables.metrics
    headlines = [material.headline(problem) for problem in material.problems]
    usual = headlines[0] if headlines else None
    return {
        "name": manifest.name,
        "tuning": list(manifest.tuning.seeds) if manifest.tuning else [],
        "swept": material.swept,
        "optimizers": [{"name": name, **_look(look)} for name, look in material.looks.items()],
        "hyperparameters": hyperparameters(material.tables.summary),
        "parts": [[part, words] for part, words in PART_WORDS.items()],
        "metrics": {
            q.name: {
                "label": q.axis(),
                "lower": q.lower,
                "best": q.best,
                "worst": q.worst if np.isfinite(q.worst) else None,
                "end": q.end if np.isfinite(q.end) else None,
            }
            for q in metrics.values()
        },
        "first": usual.column if usual else TRAIN_LOSS,
        "problems": [_problem(material, problem) for problem in material.problems],
    }


def _look(look: Look) -> dict[str, Any]:
    return {
        "color": look.color,
        "slot": look.slot % len(COLOURS),
        "dash": DASHES[look.slot // len(COLOURS) % len(STROKES)],
        "symbol": SYMBOLS[MARKERS[look.slot % len(MARKERS)]],
    }


def _problem(material: Material, problem: str) -> dict[str, Any]:
    """A problem's names and numbers, and the configurations that represent its optimizers."""
    best, headline = material.best_on(problem), material.headline(problem)
    trials = material.tables.trials
    evaluated = "phase" in trials and bool(
        ((trials["problem"] == problem) & (trials["phase"] == "evaluation")).any()
    )
    of_it = material.tables.bands["problem"] == problem
    names = {label: name for label, name in material.verdicts.names.items() if label != name}
    return {
        "name": problem,
        "epochs": int(material.tables.bands.loc[of_it, "epoch"].max()) if of_it.any() else 1,
        "loss": metric_label(TRAIN_LOSS, material.losses.get(problem, "")).partition("(")[2][:-1],
        "judged": headline.name,
        "words": headline.words,
        "column": headline.column,
        "lower": headline.quantity.lower,
        "targets": dict(material.targets.get(problem, {})),
        "best": [
            {"optimizer": str(o), "configuration": int(c), "settings": str(s)}
            for o, c, s in best[["optimizer", "configuration", "settings"]].itertuples(index=False)
        ],
        "joined": names,
        "evaluated": evaluated,
    }
