"""What every figure shares: colours, texts, legends beside the data, bytes that repeat."""

from __future__ import annotations

import math
import re
import textwrap
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from bench.tables.headline import Headline
from nncore.metrics import BUILT_IN_COLUMNS, LOSS, PART_WORDS, TRAIN_LOSS, Columns
from nncore.registry import BUILT_IN
from nncore.rules import rules

# Okabe & Ito 2008 (https://jfly.uni-koeln.de/color/) without yellow, which is lost on white, and
# Tol's wine (https://personal.sron.nl/~pault/) in its place.
COLOURS = (
    "#0072B2",
    "#D55E00",
    "#009E73",
    "#CC79A7",
    "#56B4E9",
    "#E69F00",
    "#000000",
    "#882255",
)
FIRST = ("adam", "sgd", "rmsprop", "adagrad")  # the documents' rules
STROKES: tuple[Any, ...] = ("-", (0, (5, 2)), (0, (1.2, 1.6)), (0, (6, 2, 1.2, 2)))
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "<", ">", "p", "h")
GREY = "#555555"
DPI = 150
# Formats of files, and what to leave out of them: versions and times of day.
FORMATS: dict[str, dict[str, Any]] = {
    "png": {"Software": None},
    "pdf": {"Creator": None, "Producer": None, "CreationDate": None},
    "svg": {"Creator": None, "Date": None},
}
LACKING = r"Glyph (\d+) .* missing from"  # matplotlib's words
DIVERGED = (
    "Diverged: a loss or parameter is not finite, or the final training loss is above twice the "
    "constant predictor's and no lower than the initial one."
)
SLOW = "runs that came down, yet end above twice the constant predictor's loss."

LOSSES = {
    "categorical_crossentropy": "cross-entropy, nats",
    "mean_squared_error": "mean squared error",
    "half_mean_squared_error": "half the mean squared error",
    "squared_sum": "squared sum",
}

RC: dict[str, Any] = {
    "axes.axisbelow": True,
    "axes.grid": True,
    "axes.labelsize": 8.5,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlelocation": "left",
    "axes.titlesize": 9.5,
    "axes.titleweight": "bold",
    "font.family": ["sans-serif"],
    "font.sans-serif": ["DejaVu Sans"],
    "font.size": 8.5,
    "grid.color": "#dddddd",
    "grid.linewidth": 0.6,
    "hatch.linewidth": 0.6,
    "legend.fontsize": 8,
    "legend.frameon": False,
    "pdf.fonttype": 42,  # letters stay text; journals refuse the other kind
    "svg.fonttype": "path",
    "svg.hashsalt": "bench",
    "xtick.labelsize": 8,
    "ytick.labelsize": 8,
}


@dataclass(frozen=True)
class Look:
    """How an optimizer is drawn: the same in every figure of an experiment.

    `grey` are those that a crowded figure puts behind the others (see `bench.figures.grey`).
    """

    color: str
    linestyle: Any
    marker: str
    slot: int
    grey: bool = False

    @property
    def line(self) -> dict[str, Any]:
        """What matplotlib needs to draw a line of it."""
        own = {"color": self.color, "linestyle": self.linestyle}
        if self.grey:
            return {**own, "lw": 0.8, "marker": "", "zorder": 1.5}
        return {**own, "lw": 1.6, "marker": self.marker, "ms": 4, "zorder": 3}


def looks(frame: pd.DataFrame) -> dict[str, Look]:
    """A look for every optimizer of `frame` (columns `problem, optimizer, rule`).

    A rule keeps its colour in every experiment: those of the documents have the first four. All
    looks differ; optimizers that meet on a problem differ in colour while there are colours left,
    and others of one rule in strokes alone. Depends on the set of rows only, not on their order.
    """
    rows = frame[["problem", "optimizer", "rule"]].astype(str).drop_duplicates()
    problems = rows.groupby("optimizer")["problem"].agg(set)
    rule = rows.groupby("optimizer")["rule"].min()
    own = {name: colour_of(rule[name]) for name in problems.index}
    owners: dict[int, set[str]] = {}
    for name, colour in own.items():
        owners.setdefault(colour, set()).add(rule[name])
    slots: dict[str, int] = {}
    met: dict[str, set[int]] = {}  # colours that are drawn on a problem
    lines = len(COLOURS) * len(STROKES)  # then markers alone differ
    free: set[int] = set()
    used: set[int] = set()
    # A rule by its plain name chooses first, then those on many problems.
    for name in sorted(problems.index, key=lambda n: (n != rule[n], -len(problems[n]), n)):
        free = free or set(range(len(slots), len(slots) + lines))
        here = set().union(*(met.setdefault(problem, set()) for problem in problems[name]))
        others = {*range(len(FIRST)), *(c for c, some in owners.items() if some - {rule[name]})}
        costs = [
            (c in here, c != own[name], c in others, c in used, slot)
            for slot, c in ((slot, slot % len(COLOURS)) for slot in free)
        ]
        slots[name] = min(costs)[-1]
        free.remove(slots[name])
        used.add(slots[name] % len(COLOURS))
        for problem in problems[name]:
            met[problem].add(slots[name] % len(COLOURS))
    return {name: look(slot) for name, slot in sorted(slots.items())}


def colour_of(rule: str) -> int:
    """The place of a rule's colour among `COLOURS`; a plugin's depends on its name alone."""
    if rule in FIRST:
        return FIRST.index(rule)
    known = [name for name in rules if rules[name].origin == BUILT_IN and name not in FIRST]
    place = known.index(rule) if rule in known else sum(rule.encode())
    return len(FIRST) + place % (len(COLOURS) - len(FIRST))


def look(slot: int) -> Look:
    """The look number `slot`, from 0."""
    stroke = STROKES[slot // len(COLOURS) % len(STROKES)]
    return Look(COLOURS[slot % len(COLOURS)], stroke, MARKERS[slot % len(MARKERS)], slot)


def plain(text: object, width: int | None = None) -> str:
    """`text` as it shall be read: no mathtext, one line, at most `width` characters.

    >>> plain("a $x_1$ b"), plain("a very long name indeed", 12)
    ('a \\\\$x_1\\\\$ b', 'a very…ndeed')
    """
    line = re.sub(r"\s+", " ", str(text)).strip()
    if width is not None and len(line) > width:
        line = line[: width // 2] + "…" + line[len(line) - (width - width // 2 - 1) :]
    return line.replace("$", r"\$")


def wrapped(text: object, width: int, lines: int = 2) -> str:
    """`text` over at most `lines` lines of `width` characters, without mathtext."""
    line = re.sub(r"\s+", " ", str(text)).strip()
    if len(line) > width * lines:
        keep = width * lines - 1
        line = line[: keep // 2] + "…" + line[len(line) - (keep - keep // 2) :]
    parts = textwrap.wrap(line, width, break_on_hyphens=False)
    if len(parts) > lines:
        parts = [line[i : i + width] for i in range(0, len(line), width)]
    return "\n".join(parts).replace("$", r"\$")


def metric_label(
    column: str = TRAIN_LOSS, loss: str = "", metrics: Columns = BUILT_IN_COLUMNS
) -> str:
    """An axis label for a metric's column; `loss` names the problem's.

    >>> metric_label("train_loss", "categorical_crossentropy"), metric_label("test_accuracy")
    ('training loss (cross-entropy, nats)', 'test accuracy, share correct')
    """
    quantity = metrics[column]
    detail = LOSSES.get(loss, loss.replace("_", " ")) if quantity.name == LOSS else ""
    return plain(f"{PART_WORDS[column.partition('_')[0]]} {quantity.axis(detail)}")


def headline_label(headline: Headline, loss: str = "") -> str:
    """An axis label for a headline; `loss` names the problem's.

    >>> headline_label(Headline(), "categorical_crossentropy")
    'final training loss (cross-entropy, nats)'
    """
    known = {headline.column: headline.quantity}
    return f"{headline.kind} {metric_label(headline.column, loss, known)}"


def axes(ax: Axes | None) -> Axes:
    """`ax`, or the axes of a new figure that pyplot does not know about."""
    return ax if ax is not None else Figure(layout="constrained").subplots()


def handle(look: Look, **properties: Any) -> Line2D:
    """An optimizer's sample for a legend."""
    return Line2D([], [], **look.line, **properties)


def legend_beside(ax: Axes, entries: Mapping[str, Line2D]) -> None:
    """A legend outside, to the right of `ax`, so that it never hides data."""
    texts = [wrapped(text, 44, 3) for text in entries]
    ax.legend(
        list(entries.values()), texts, loc="upper left", bbox_to_anchor=(1.02, 1), borderaxespad=0
    )


def nothing(ax: Axes, text: str) -> Axes:
    """Say on `ax` why there is nothing to see."""
    ax.text(0.5, 0.5, text, ha="center", va="center", transform=ax.transAxes, color=GREY)
    ax.set_xticks([])
    ax.set_yticks([])
    return ax


def beside(ax: Axes, place: tuple[float, float], text: str, color: str) -> None:
    """Small print to the right of a mark."""
    ax.annotate(
        text,
        place,
        xytext=(5, 0),
        textcoords="offset points",
        va="center",
        size=6.5,
        color=color,
    )


def crosses(ax: Axes, x: np.ndarray, y: np.ndarray, look: Look, **properties: Any) -> None:
    """A cross for every diverged run."""
    properties = {"s": 22, "lw": 1.3, "zorder": 4, **properties}
    ax.scatter(x, y, marker="x", color=look.color, gid="diverged", **properties)


def slow(above: pd.Series) -> str:
    """What a hollow mark means, where some of the runs came down slowly."""
    return f"Hollow, ○: {SLOW}" if above.any() else ""


def jitter(n: int, width: float) -> np.ndarray:
    """`n` offsets within `width` around 0, evenly spread and always the same."""
    golden = (math.sqrt(5) - 1) / 2
    return ((np.arange(n) * golden + 0.5) % 1 - 0.5) * width


def applied(own: Mapping[str, Any] | None = None) -> Any:
    """A context in which figures look the same whatever the user's matplotlib settings are.

    `own` are settings that differ from those of all figures.
    """
    known: dict[Any, Any] = {
        k: v for k, v in mpl.rcParamsDefault.items() if not k.startswith(("backend", "date"))
    }
    known.update(RC | dict(own or {}))
    return mpl.rc_context(known)


def save(figure: Figure, path: Path, lacks: Callable[[str], None] = lambda _: None) -> Path:
    """Write `figure` in the format that `path` ends in: png, pdf or svg.

    The bytes depend on what it shows alone. Names may use letters that the font lacks: boxes stand
    in their place, which is no reason to fail, and `lacks` is called with each.
    """
    path.write_bytes(drawn(figure, path.suffix[1:], lacks))
    return path


def drawn(figure: Figure, form: str, lacks: Callable[[str], None] = lambda _: None) -> bytes:
    """The bytes of a file of `figure` in a format of `FORMATS`; `lacks` as in `save`."""
    FigureCanvasAgg(figure)
    file = BytesIO()
    with warnings.catch_warnings(record=True) as caught:
        warnings.filterwarnings("always", message=LACKING, category=UserWarning)
        figure.savefig(file, format=form, dpi=DPI, metadata=FORMATS[form])
    for warning in caught:
        if glyph := re.match(LACKING, str(warning.message)):
            lacks(chr(int(glyph[1])))
        else:
            warnings.warn_explicit(
                warning.message, warning.category, warning.filename, warning.lineno
            )
    return file.getvalue()
