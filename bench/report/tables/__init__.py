"""The CSV files of a report beside the store's own: a file each, which registers its table.

A table is a function of the material that figures are drawn from, too
(`bench.figures.material.Material`: the store's frames, what was chosen, the verdicts), and returns
a frame:

    @table("ranking")
    def ranking(material): ...

which a report writes as `ranking.csv`; rows and columns stand as the frame has them, its index is
left out. With `when`, only where that is true of the material. A plugin's table is one like any
other, in the experiments that name the plugin.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from nncore.registry import Entry, Shelf, describe

if TYPE_CHECKING:  # plugins register in processes that never write: they need no pandas
    import pandas as pd

    from bench.figures.material import Material

# What a report writes of the store itself, before anything is judged.
STORED = ("trials", "curves", "summary")


@dataclass(frozen=True)
class Table(Entry):
    """One CSV file of a report, `when` there is one: `function(material)` is its frame."""

    when: Callable[[Material], bool]


tables: Shelf[Table] = Shelf("table", __name__, __path__)
F = TypeVar("F", bound=Callable[["Material"], "pd.DataFrame"])


def always(material: Material) -> bool:
    """In every report."""
    return True


def table(name: str, *, when: Callable[[Material], bool] = always) -> Callable[[F], F]:
    """Register a table under `name`, which its file has, too.

    Raises ValueError when the name is taken or is no file's name.
    """
    if not name.isidentifier():
        raise ValueError(f'"{name}" is no name of a table: letters, digits and underscores are')
    if name in STORED:
        raise ValueError(f'"{name}" is the name of a table of the store\'s own')

    def register(function: F) -> F:
        fields: dict[str, Any] = describe(function) | {"name": name}
        tables.add(Table(**fields, when=when))
        return function

    return register


def of(plugins: Collection[str]) -> list[Table]:
    """The tables of this folder and those that the files `plugins` have registered, by name."""
    return sorted(tables.of(plugins), key=lambda each: each.name)
