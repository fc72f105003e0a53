"""The cases' material and figures, each made once for all tests of figures."""

from __future__ import annotations

import functools
from collections import Counter
from typing import Any

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from bench import verdicts
from bench.figures import style
from bench.figures.book import plan
from bench.figures.material import Material
from tests.frames import Frames, cases

CASES = cases()
LOSSES = {"spiral": "categorical_crossentropy", "log_linear": "half_mean_squared_error"}
TARGETS = {
    "spiral": {"train_loss": 0.5, "train_accuracy": 0.7},
    "log_linear": {"train_loss": 1.0},
    "neuron": {"train_loss": 1.0},
}


def gather(some: Frames, **changes: Any) -> Material:
    """The material of some frames; `changes` are fields of it."""
    targets = changes.pop("targets", TARGETS)
    tables, planned = some.timed(targets).tables, Counter(some.trials["problem"])
    told = verdicts.judge(tables, targets=targets, planned=planned)
    return Material(tables, told, targets=targets, losses=LOSSES, **changes)


@functools.lru_cache
def material(case: str) -> Material:
    return gather(CASES[case])


@functools.lru_cache
def drawn(case: str) -> dict[tuple[str, ...], Figure]:
    """Every figure of a case by the parts of its name, laid out."""
    return {parts: laid_out(paint) for parts, paint in plan(material(case))}


def laid_out(paint: Any) -> Figure:
    """What `paint` draws, in our style and ready to be measured."""
    with style.applied():
        figure: Figure = paint()
        figure.set_dpi(style.DPI)
        FigureCanvasAgg(figure)
        figure.draw_without_rendering()
    return figure


def caption(figure: Figure) -> str:
    """The small print, on one line."""
    return figure.texts[1].get_text().replace("\n", " ")
