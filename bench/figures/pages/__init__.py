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
from importlib import import_module
from pkgutil import iter_modules
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

from nncore.registry import BUILT_IN, Entry, Registry, describe

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


pages: Registry[Page] = Registry("page")
F = TypeVar("F", bound=Callable[..., "Figure"])


def once(material: Material) -> Iterable[Key]:
    """One figure for the whole experiment."""
    return [()]


def page(
    name: str, *, order: int = LAST, when: Callable[[Material], Iterable[Key]] = once
) -> Callable[[F], F]:
    """Register a page under `name`, with which its figures' files begin.

    Raises ValueError when the name is taken. Modules of this folder are named after their page, so
    a plugin's cannot take the name of one that is not loaded yet.
    """

    def register(function: F) -> F:
        fields: dict[str, Any] = describe(function) | {"name": name}
        if fields["origin"] != BUILT_IN and name in _modules():
            raise ValueError(f'there is already a page "{name}" ({BUILT_IN})')
        pages.add(Page(**fields, order=order, when=when))
        return function

    return register


def of(plugins: Collection[str]) -> list[Page]:
    """The pages of this folder and those that the files `plugins` have registered, in order."""
    for module in _modules():
        import_module(f"{__name__}.{module}")
    found = [each for each in pages.values() if each.origin in {BUILT_IN, *plugins}]
    return sorted(found, key=lambda each: (each.order, each.name))


def _modules() -> list[str]:
    return [module.name for module in iter_modules(__path__)]
