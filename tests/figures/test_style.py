"""Looks that can be told apart, and texts that stay what they are."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pandas as pd
import pytest
from matplotlib.cbook import is_math_text
from matplotlib.colors import to_rgb
from matplotlib.text import Text

from bench.figures import style
from nncore.rules import rules
from tests.figures.artists import CASES


def meeting(number: int) -> pd.DataFrame:
    names = [f"optimizer {i}" for i in range(number)]
    return pd.DataFrame({"problem": "p", "optimizer": names, "rule": "sgd"})


@pytest.mark.parametrize("number", [1, 8, 32, 60])
def test_optimizers_that_meet_look_different(number):
    found = style.looks(meeting(number)).values()
    assert len({(x.color, str(x.linestyle), x.marker) for x in found}) == number
    assert len({x.color for x in found}) == min(number, 8)
    assert len({(x.color, str(x.linestyle)) for x in found}) == min(number, 32)


def test_looks_depend_on_names_not_on_rows():
    trials = CASES["normal"].trials
    shuffled = trials.sample(frac=1, random_state=1)
    assert style.looks(trials) == style.looks(shuffled) == style.looks(CASES["normal"].summary)


def test_rules_keep_their_colours_and_optimizers_that_meet_have_their_own():
    rows = [
        ("p", "sgd", "sgd"),
        ("p", "adam", "adam"),
        ("q", "the document's adam", "adam"),
        ("q", "a first sgd", "sgd"),
        ("q", "b second sgd", "sgd"),
    ]
    found = style.looks(pd.DataFrame(rows, columns=["problem", "optimizer", "rule"]))
    assert len(set(found.values())) == len(rows)
    assert found["the document's adam"].color == found["adam"].color == style.COLOURS[0]
    assert found["the document's adam"].linestyle != found["adam"].linestyle
    assert found["a first sgd"].color == found["sgd"].color == style.COLOURS[1]
    assert found["b second sgd"].color not in {found[n].color for n in ("sgd", "adam")}
    alone = style.looks(pd.DataFrame(rows[1:2], columns=["problem", "optimizer", "rule"]))
    assert alone == {"adam": found["adam"]}


def test_every_rule_has_a_colour_that_no_other_experiment_changes():
    found = {name: style.colour_of(name) for name in [*rules, "a plugin's"]}
    assert [found[name] for name in style.FIRST] == [0, 1, 2, 3]
    assert set(found.values()) == set(range(len(style.COLOURS)))
    assert not {found[name] for name in found if name not in style.FIRST} & {0, 1, 2, 3}


# Machado, Oliveira & Fernandes 2009, severity 1, on linear RGB.
BLINDNESS = {
    "none": np.eye(3),
    "protan": [[0.152, 1.053, -0.205], [0.115, 0.786, 0.099], [-0.004, -0.048, 1.052]],
    "deutan": [[0.367, 0.861, -0.228], [0.280, 0.673, 0.047], [-0.012, 0.043, 0.969]],
    "tritan": [[1.256, -0.077, -0.179], [-0.078, 0.931, 0.148], [0.005, 0.691, 0.304]],
}


def lab(linear: np.ndarray) -> np.ndarray:
    xyz = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
    x, y, z = np.cbrt(xyz @ np.clip(linear, 0, 1) / [0.9505, 1.0, 1.089])
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


@pytest.mark.parametrize("kind", BLINDNESS)
def test_colours_can_be_told_apart(kind):
    srgb = np.array([to_rgb(c) for c in style.COLOURS])
    linear = np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4)
    seen = [lab(np.array(BLINDNESS[kind]) @ colour) for colour in linear]
    nearest = min(math.dist(a, b) for a, b in itertools.combinations(seen, 2))
    assert nearest > 10  # a just noticeable difference is about 2.3
    assert min(math.dist(a, lab(np.ones(3))) for a in seen) > 25  # from the white ground


@pytest.mark.parametrize("name", ["$x$", "$", "a_b^c", r"\$x\$", r"\frac{1}{2}", "$$", "a\n$b$"])
@pytest.mark.parametrize("shown", [style.plain, lambda n: style.wrapped(n, 20)])
def test_names_are_never_mathematics(name, shown):
    text = Text(text=shown(name))
    cleaned, math_text = text._preprocess_math(text.get_text())
    assert not math_text
    assert not is_math_text(shown(name))
    if "\\" not in name:
        assert cleaned.replace(" ", "") == name.replace("\n", "").replace(" ", "")


def test_wrapped_text_keeps_both_ends_within_its_room():
    text = style.wrapped("begin " + "very " * 40 + "end", 20, 3)
    lines = text.split("\n")
    assert len(lines) <= 3
    assert all(len(line) <= 20 for line in lines)
    assert text.startswith("begin")
    assert text.endswith("end")
