"""Many optimizers in one panel: the best few as ever, the others as thin grey lines behind them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from matplotlib.lines import Line2D

from bench.figures.style import Look, handle

MOST = 10  # lines that a panel holds
SHOWN = 7  # of more lines than that, those in colour
PALE = "#bdbdbd"


def split(looks: Mapping[str, Look]) -> dict[str, Look]:
    """`looks`, which come best first, grey after the first `SHOWN` if there are more than `MOST`.

    >>> from bench.figures.style import look
    >>> [name for name, each in split({n: look(0) for n in "abcdefghijk"}).items() if each.grey]
    ['h', 'i', 'j', 'k']
    """
    if len(looks) <= MOST:
        return dict(looks)
    return {
        name: look if place < SHOWN else replace(look, color=PALE, linestyle="-", grey=True)
        for place, (name, look) in enumerate(looks.items())
    }


def shown(looks: Mapping[str, Look]) -> list[str]:
    """Names of those in colour, in order."""
    return [name for name, look in looks.items() if not look.grey]


def entries(texts: Mapping[str, str], looks: Mapping[str, Look]) -> dict[str, Line2D]:
    """What a legend says: text -> sample, one for all in grey; `texts` are by name."""
    found = {text: handle(looks[name]) for name, text in texts.items() if not looks[name].grey}
    others = [looks[name] for name in texts if looks[name].grey]
    if others:
        found[f"{len(others)} others, in grey"] = handle(others[0])
    return found


def sentence(looks: Mapping[str, Look], best: str) -> str:
    """What a caption says of the grey lines; `best` says of which optimizers the first are.

    Empty if none is grey.
    """
    few = len(shown(looks))
    if few == len(looks):
        return ""
    return f"In colour, the {few} of {len(looks)} optimizers {best}; the others in grey."


def strip(looks: Mapping[str, Look]) -> str:
    """What a sentence on the crosses in a strip goes on with, if some are grey."""
    return " Those in grey share one row." if len(shown(looks)) < len(looks) else ""


def rows(names: list[str], looks: Mapping[str, Look]) -> dict[str, int]:
    """Rows of a strip for `names`: each in colour has its own, all in grey share the last."""
    own = [name for name in names if not looks[name].grey]
    return {name: len(own) if looks[name].grey else own.index(name) for name in names}
