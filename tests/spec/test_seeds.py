"""`seeds`: a number, a list, or a table of rounds; each mistake at its own key."""

from itertools import pairwise
from typing import Any

import pytest

from bench.spec.experiment import load
from bench.spec.seeds import UntilDecided
from tests.spec.mistakes import errors, names

TABLES = {"problem": {"dataset": "people"}, "optimizer": {"rule": "sgd"}}

MISTAKES: dict[str, tuple[Any, ...]] = {
    "no rule": ({"least": 3}, "seeds", "{ least = 3 }", "until"),
    "another rule": ({"until": "bored"}, "seeds.until", '"bored"', '"decided"'),
    "one": ({"until": "decided", "least": 1}, "seeds.least", "1", "from 2"),
    "text": ({"until": "decided", "most": "all"}, "seeds.most", '"all"', "whole number"),
    "too many": ({"until": "decided", "most": 10**7}, "seeds.most", "10000000", "whole number"),
    "unknown": ({"until": "decided", "last": 3}, "seeds.last", "", "least"),
    "upside down": ({"until": "decided", "least": 9, "most": 5}, "seeds.most", "5", "9"),
    "below the default": ({"until": "decided", "most": 5}, "seeds.most", "5", "10"),
    "neither": ("decided", "seeds", '"decided"', "20", "until"),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_mistakes_are_named(name: str) -> None:
    value, key, *named = MISTAKES[name]
    [line] = errors({"seeds": value, **TABLES})
    names(line, key, *named)


def test_tuning_seeds_are_none_that_may_be_needed() -> None:
    tuning = {"seeds": [150]}
    [line] = errors({"seeds": {"until": "decided"}, "tuning": tuning, **TABLES})
    names(line, "tuning.seeds", "150", "evaluation")


def test_all_seeds_that_may_be_needed_count() -> None:
    found = load({"seeds": {"until": "decided"}, **TABLES}, ["seeds.most=50"])
    assert (found.until, found.seeds) == (UntilDecided(10, 50), tuple(range(50)))
    assert load({"seeds": 3, **TABLES}).until is None
    assert load({"seeds": {"until": "decided"}, **TABLES}, ["seeds=3"]).seeds == (0, 1, 2)


@pytest.mark.parametrize("least", [2, 3, 10, 64])
@pytest.mark.parametrize("most", [64, 65, 200, 5000])
def test_rounds_grow_to_the_most(least: int, most: int) -> None:
    rounds = UntilDecided(least, most).rounds
    assert (rounds[0], rounds[-1]) == (least, most)
    steps = [b - a for a, b in pairwise(rounds)]
    assert all(a <= b for a, b in pairwise(steps[:-1]))  # the last is cut short
    assert all(step <= max(least, a // 4) for a, step in zip(rounds, steps, strict=False))
