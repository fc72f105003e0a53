"""Sentences of the small print that several pages share."""

from __future__ import annotations

from collections.abc import Collection

import pandas as pd

from bench.tables.headline import Headline, best_median


def at_their_best(some: Collection[Headline]) -> str:
    """Which optimizers come first: those with the best median.

    >>> at_their_best([Headline()])
    'with the lowest median final training loss at their best'
    """
    return f"with the {best_median(some)} at their best"


def seeds_told(seeds: pd.Series, sentence: str, noun: str = "Lines") -> str:
    """`sentence` with the number of seeds, or that there was one run each.

    >>> seeds_told(pd.Series([3, 7]), "dots are medians over {} seeds.", "Dots")
    'Dots are medians over 3 to 7 seeds.'
    """
    least, most = int(seeds.min()), int(seeds.max())
    if most == 1:
        return f"{noun} are single runs."
    number = str(most) if least == most else f"{least} to {most}"
    return sentence.format(number).capitalize()


def bars_told(rows: pd.DataFrame) -> str:
    """What the bars of `rows` are, and over how many seeds."""
    found = set(rows["interval"]) - {""}
    if not found:
        return "Points are single runs."
    words = {
        "95%": "95% intervals of the median",
        "range": "the range over seeds, too few for a 95% interval",
    }
    told = " or ".join(words[kind] for kind in ("95%", "range") if kind in found)
    return f"Bars are {told}; " + seeds_told(rows["seeds"], "medians over {} seeds.").lower()
