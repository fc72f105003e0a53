"""Of an experiment that is too large for figures, what they show; the tables have all of it."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

import numpy as np
import pandas as pd

from bench.figures.material import Material
from bench.tables.bands import Course
from bench.verdicts import ALL
from bench.verdicts.pairs import is_leading
from bench.verdicts.words import subject

PROBLEMS = 32  # as many panels as a page has room for
FRAMES = ("trials", "summary", "runs")
JUDGED = (
    *("ranking", "pairs", "times", "budget", "profile", "audit", "stairs", "lost", "across"),
    "variance",
)


def portion(material: Material) -> Material:
    """`material` of the first problems and the leading optimizers; itself where all have room.

    Its audit says on every page what is left out.
    """
    problems = material.problems[:PROBLEMS]
    names = material.tables.best["optimizer"].unique()
    leading = material.verdicts.leading
    shown = [name for name in names if is_leading(name, leading)] if leading else names
    if len(problems) == len(material.problems) and len(shown) == len(names):
        return material

    def cut(frame: pd.DataFrame) -> pd.DataFrame:
        rows = np.ones(len(frame), dtype=bool)
        if "problem" in frame:
            rows &= frame["problem"].isin([*problems, ALL, ""]).to_numpy()
        for column in ("optimizer", "a", "b") if leading else ():
            if column in frame:
                among = [not name or is_leading(str(name), leading) for name in frame[column]]
                rows &= np.array(among, dtype=bool)
        return frame[rows]

    tables, verdicts = material.tables, material.verdicts
    frames: dict[str, Any] = {name: cut(getattr(tables, name)) for name in FRAMES}
    frames["whole"] = None if tables.whole is None else cut(tables.whole)
    course = Course(*(cut(getattr(tables.course, each.name)) for each in fields(Course)))
    told: dict[str, Any] = {name: cut(getattr(verdicts, name)) for name in JUDGED}
    everything, here = {*material.problems}, {*problems, ""}
    sentences = tuple(s for s in verdicts.sentences if subject(s, everything) in here)
    known = set(shown)
    named = {label: name for label, name in verdicts.names.items() if name in known}
    left = pd.DataFrame(
        [{"check": "not drawn", "problem": "", "optimizer": "", "figures": "all"}]
    ).assign(message=_told(material, len(shown)))
    told["audit"] = pd.concat([left, told["audit"]], ignore_index=True)
    return replace(
        material,
        tables=replace(tables, **frames, course=course),
        verdicts=replace(verdicts, **told, names=named, sentences=sentences),
    )


def left_out(material: Material, shown: Material) -> str:
    """What figures of `shown` leave out of `material`, as the audit says it."""
    return _told(material, shown.tables.best["optimizer"].nunique())


def _told(material: Material, shown: int) -> str:
    problems = len(material.problems)
    optimizers = material.tables.best["optimizer"].nunique()
    parts = []
    if problems > PROBLEMS:
        parts.append(f"the first {PROBLEMS} of {problems:,} problems")
    if optimizers > shown:
        parts.append(f"the {shown} of {optimizers:,} optimizers with the lowest mean ranks")
    shown_ones = " and ".join(parts)
    return f"figures and the page show {shown_ones}; the tables and verdicts.txt have all"
