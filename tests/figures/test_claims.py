"""The page of a claim: every quantity is in its row, inside or outside of what is claimed."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from bench.figures.pages.claim import claim_figure, decided
from bench.spec.claims import Claim
from bench.stats.decision import Scale
from bench.verdicts.claims import Answer, Claims, Decided, answer
from bench.verdicts.questions import Question
from tests.figures.drawn import caption, laid_out, material

OPTIMIZERS = ("sgd", "adam")
VALUES = np.linspace(-0.2, 0.2, 20)


def claims(kind: str, **changes: object) -> Claims:
    """A claim whose three quantities hold, are contradicted, and cannot be told."""
    found = [
        Question(
            problems=("spiral",), optimizer=name, other="", metric="final_train_loss",
            scale=Scale.DIFFERENCE, values=middle + VALUES, least=1.0, most=math.inf,
            points=((0.1, 2.0), (1.0, 1.0)) if kind == "trend" else (),
        )
        for name, middle in zip(("sgd", "sgd + momentum", "adam"), (2.0, 0.0, 1.0), strict=True)
    ]  # fmt: skip
    found = [replace(one, **changes) for one in found]  # type: ignore[arg-type]
    claim = Claim(
        text="It is so", kind=kind, problems=("spiral",), optimizers=OPTIMIZERS, source="a paper",
        over="learning_rate", way="falls",
    )  # fmt: skip
    told = tuple(answer(one, 0.05, 3) for one in found)
    return Claims((Decided(1, claim, told),), frozenset({1}))


@pytest.mark.parametrize("kind", ["value", "trend"])
def test_rows_are_where_their_numbers_are(kind: str) -> None:
    mine = replace(material("normal"), claims=claims(kind))
    assert list(decided(mine)) == [("1",)]
    figure = laid_out(lambda: claim_figure(mine, "1"))
    ax = figure.axes[0]
    assert len(figure.axes) == (2 if kind == "trend" else 1)
    points = [line for line in ax.lines if len(line.get_xdata()) == 1]
    middles = [float(line.get_xdata()[0]) for line in points]
    assert middles == pytest.approx([2.0, 0.0, 1.0])
    answers = [Answer.HOLDS, Answer.CONTRADICTED, Answer.UNKNOWN]
    assert [each.answer for each in mine.claims.decided[0].found] == answers
    assert [line.get_marker() for line in points] == ["o", "X", "o"]
    assert points[2].get_markerfacecolor() == "white"
    told = caption(figure)
    assert "claim 1 is contradicted [after the fact]: It is so" in told
    assert "Source: a paper." in told


def test_shares_are_told_as_such_and_infinities_point_out_of_the_axis() -> None:
    mine = replace(material("normal"), claims=claims("better", scale=Scale.RATIO, other="adagrad"))
    figure = laid_out(lambda: claim_figure(mine, "1"))
    assert all(t.get_text().endswith("%") for t in figure.axes[0].get_xticklabels())
    few = replace(material("normal"), claims=claims("value", values=np.array([1.0, 2.0])))
    figure = laid_out(lambda: claim_figure(few, "1"))
    marks = [line.get_marker() for line in figure.axes[0].lines]
    assert marks.count("<") == marks.count(">") == 3
    nothing = replace(material("normal"), claims=claims("value", values=np.empty(0)))
    laid_out(lambda: claim_figure(nothing, "1"))
