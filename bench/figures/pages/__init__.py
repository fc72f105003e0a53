"""The kinds of figures, a file each: every module of this folder registers what it draws.

A page is a function of the material that all share (`bench.figures.material.Material`) and returns
a figure. Its decorator says which of them an experiment gets:

    @page("spread", order=20)
    def spread_figure(material): ...

    @page("sensitivity", order=50, when=searched)  # searched: material -> keys, (problem,) each
    def sensitivity_figure(material, problem): ...

The function is called once for each key that `when` yields, by default once without any; the file
is named after the page and the key, as in `sensitivity_spiral.png`. What a page needs it reads off
the material. A plugin's page is one like any other, in the experiments that name the plugin.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

from nncore.registry import Entry, Shelf, describe

if TYPE_CHECKING:  # plugins register in processes that never draw: they need no matplotlib
    from matplotlib.figure import Figure

    from bench.figures.material import Material

Key: TypeAlias = tuple[str, ...]
LAST = 1000


@dataclass(frozen=True)
class Page(Entry):
    """One kind of figure: `function(material, *key)` draws it for every key of `when(material)`.

    Pages come by `order`, then in the order of their names.
    """

    order: int
    when: Callable[[Material], Iterable[Key]]


pages: Shelf[Page] = Shelf("page", __name__, __path__)
F = TypeVar("F", bound=Callable[..., "Figure"])


def once(material: Material) -> Iterable[Key]:
    """One figure for the whole experiment."""
    return [()]


def page(
    name: str, *, order: int = LAST, when: Callable[[Material], Iterable[Key]] = once
) -> Callable[[F], F]:
    """Register a page under `name`, with which its figures' files begin.

    Raises ValueError when the name is taken.
    """

    def register(function: F) -> F:
        fields: dict[str, Any] = describe(function) | {"name": name}
        pages.add(Page(**fields, order=order, when=when))
        return function

    return register


def of(plugins: Collection[str]) -> list[Page]:
    """The pages of this folder and those that the files `plugins` have registered, in order."""
    return sorted(pages.of(plugins), key=lambda each: (each.order, each.name))
