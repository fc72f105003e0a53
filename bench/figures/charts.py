"""Charts: one panel of a kind of figure, of what somebody chose, for a paper.

A chart stands in the file of the page that it is a panel of:

    @chart("sensitivity", "problem")
    def sensitivity_chart(material, choice, ax):
        ...
        return Told(entries, ["Bars are ...", ...])

It draws on `ax` and says what a legend and a caption have to. After its name stand the fields of
`Choice` that it goes by, beside the optimizers.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from bench.spec.mistakes import nearest
from bench.tables.words import names_told
from nncore.registry import Entry, Shelf, describe, unknown

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes

    from bench.figures.material import Material
    from bench.figures.style import Look

PAGES = Path(__file__).parent / "pages"
AXES = ("epochs", "updates", "evaluations", "seconds")


class ChartError(Exception):
    """There is nothing to draw of what was chosen; the message says what there is."""

    exit_code = 2


@dataclass(frozen=True)
class Choice:
    """What a chart shall show; an empty field stands for what its figure shows.

    `looks` are those of the optimizers to draw, the best first; `metric` is a column as
    "validation_accuracy", `x` one of `AXES`, `hyperparameter` what a map has beside the rate.
    """

    problem: str = ""
    looks: Mapping[str, Look] = field(default_factory=dict)
    metric: str = ""
    x: str = ""
    hyperparameter: str = ""


@dataclass(frozen=True)
class Told:
    """What has to be said of a chart: a legend, text -> sample, and the sentences of a caption."""

    entries: Mapping[str, Artist] = field(default_factory=dict)
    caption: Sequence[str] = ()


@dataclass(frozen=True)
class Chart(Entry):
    """One kind of chart: `function(material, choice, ax) -> Told` draws it, and goes by `takes`."""

    takes: tuple[str, ...]


charts: Shelf[Chart] = Shelf("chart", "bench.figures.pages", [str(PAGES)])
F = TypeVar("F", bound=Callable[..., Told])


def chart(name: str, *takes: str) -> Callable[[F], F]:
    """Register a chart under `name`; `takes` names the fields of `Choice` that it goes by."""

    def register(function: F) -> F:
        entries: dict[str, Any] = describe(function) | {"name": name}
        charts.add(Chart(**entries, takes=takes))
        return function

    return register


def draw(
    material: Material,
    kind: str,
    ax: Axes,
    *,
    optimizers: Sequence[str] = (),
    **given: str,
) -> Told:
    """Draw the chart `kind` on `ax`; `given` are fields of `Choice`, `optimizers` all by default.

    Where a chart is of one problem, it need not be named if there is only one. Raises
    ChartError for a kind that there is not, and for whatever cannot be drawn.
    """
    known = {entry.name: entry for entry in charts.of(material.plugins)}
    if kind not in known:
        raise ChartError(unknown("chart", kind, known))
    made = known[kind]
    chosen = {name: value for name, value in given.items() if value}
    for name in chosen:
        if name not in made.takes:
            fits = [f.name for f in fields(Choice) if f.name in made.takes]
            may = f"it takes {' and '.join(fits)}" if fits else "it is of the whole experiment"
            raise ChartError(f"{kind}: takes no {name}; {may}")
    if "problem" in made.takes:
        chosen["problem"] = _problem(material, kind, chosen.get("problem", ""))
    if "x" in chosen and chosen["x"] not in AXES:
        raise ChartError(f"{kind}: there is no x {chosen['x']}; {nearest(chosen['x'], AXES)}")
    looks = _looks(material, kind, chosen.get("problem", ""), optimizers)
    return made.function(material, Choice(looks=looks, **chosen), ax)


def _problem(material: Material, kind: str, name: str) -> str:
    known = material.problems
    if name and name not in known:
        raise ChartError(f'there is no problem "{name}"; {nearest(name, known)}')
    if not name and len(known) != 1:
        raise ChartError(f"{kind}: is of one problem; name one of {names_told(known)}")
    return name or known[0]


def _looks(
    material: Material, kind: str, problem: str, optimizers: Sequence[str]
) -> dict[str, Look]:
    """Looks of the optimizers asked for, the best on the problem first."""
    best = material.best_on(problem) if problem else material.tables.best
    known = list(dict.fromkeys(best["optimizer"])) if problem else list(material.joint_looks)
    for name in optimizers:
        if name not in known:
            where = f"{problem} has " if problem else ""
            raise ChartError(f'{kind}: {where}no optimizer "{name}"; {nearest(name, known)}')
    return {n: material.joint_looks[n] for n in known if not optimizers or n in optimizers}


def recorded(kind: str, column: str, columns: Sequence[str]) -> str:
    """`column`, if it is among those recorded. Raises ChartError otherwise."""
    if column not in columns:
        raise ChartError(f"{kind}: {column} was not recorded; {nearest(column, columns)}")
    return column


def nothing(kind: str, why: str) -> ChartError:
    """The error for a chart that would be empty."""
    return ChartError(f"{kind}: there is nothing to draw: {why}")
