"""`variance.csv`: scales, runs that are lost, streams that there are not, and the words of it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from bench import stats
from bench.plan.variance import Design
from bench.tables.headline import Headline, Headlines
from bench.tables.variance import Twins
from bench.verdicts.samples import Terms
from bench.verdicts.variance import told, variance
from nncore.metrics import BUILT_IN_COLUMNS

STREAMS = ("data", "start", "order")
COSTS = np.exp(np.random.default_rng(0).standard_normal((30, 4)).cumsum(axis=1))


def twins(costs: Any = COSTS, streams: tuple[str, ...] = STREAMS, **changes: Any) -> Twins:
    array = np.asarray(costs, dtype=float)
    absent = {s: "the batch is full" for s in STREAMS if s not in streams}
    design = Design("spiral", "adam", 4, streams, absent, tuple(range(len(array))), ())
    none = np.zeros(array.shape, bool)
    return Twins(design, array, changes.get("diverged", none), changes.get("crashed", none))


def frame(one: Twins, headline: Headline | None = None, floor: float = 0.0) -> pd.DataFrame:
    headlines = Headlines({"spiral": headline or Headline()})
    return variance([one], headlines, {"spiral": Terms(floor=floor)}).set_index("stream")


def test_losses_are_compared_by_their_logarithms_none_below_the_floor() -> None:
    found = frame(twins(), floor=1.0)
    expected = stats.variance_shares(np.log(np.maximum(COSTS, 1.0)))
    assert set(found["scale"]) == {"logarithms"}
    assert found.loc[list(STREAMS), "share"].tolist() == expected.share.tolist()
    assert found.loc[list(STREAMS), "alone_high"].tolist() == expected.alone_high.tolist()
    assert found.loc["data", "deviation"] ** 2 == pytest.approx(
        expected.variance * expected.share[0]
    )
    assert found.loc["all", "deviation"] ** 2 == pytest.approx(expected.variance)
    assert set(found["seeds"]) == {30}


def test_scores_and_negative_losses_are_compared_by_their_values() -> None:
    accuracy = Headline("final", "test_accuracy", BUILT_IN_COLUMNS["test_accuracy"])
    expected = stats.variance_shares(COSTS).share.tolist()
    found = frame(twins(-COSTS), accuracy)
    assert set(found["scale"]) == {"values"}
    assert set(found["metric"]) == {"final_test_accuracy"}
    assert found.loc[list(STREAMS), "share"].tolist() == pytest.approx(expected)
    assert set(frame(twins(COSTS - 1))["scale"]) == {"values"}


@pytest.mark.parametrize("lost", [np.inf, 0.0])
def test_where_a_run_is_infinitely_far_ranks_are_compared(lost: float) -> None:
    costs = COSTS.copy()
    costs[3, 2] = lost
    found = frame(twins(costs, diverged=np.isinf(costs)))
    assert set(found["scale"]) == {"ranks"}
    assert set(found["diverged"]) == {int(np.isinf(lost))}
    expected = stats.variance_shares(stats.as_ranks(costs)).share
    assert found.loc[list(STREAMS), "share"].tolist() == expected.tolist()
    [line] = told(found.reset_index())
    assert line.startswith("spiral, adam (ranks of final_train_loss): data ")
    assert ("1 diverged" in line) == np.isinf(lost)


@pytest.mark.parametrize("cost", [np.nan, 2.0, np.inf])
def test_a_row_with_a_run_that_crashed_is_left_out_and_said(cost: float) -> None:
    costs, gone = COSTS.copy(), np.zeros(COSTS.shape, bool)
    costs[5, 1], gone[5, 1] = cost, True
    found = frame(twins(costs, crashed=gone))
    assert set(found["seeds"]) == {29}
    assert set(found["crashed"]) == {1}
    expected = stats.variance_shares(np.log(np.delete(COSTS, 5, axis=0))).share
    assert found.loc[list(STREAMS), "share"].tolist() == expected.tolist()
    assert "1 crashed" in told(found.reset_index())[0]


def test_a_stream_that_there_is_not_is_said_and_has_no_share() -> None:
    found = frame(twins(COSTS[:, :3], ("data", "start")))
    assert np.isnan(found.loc["order", "share"])
    assert found.loc["order", "note"] == "the batch is full"
    assert "order of samples: none, the batch is full" in told(found.reset_index())[0]
    assert "rule" not in found.index


def test_of_one_stream_alone_only_the_deviation_is_told() -> None:
    found = frame(twins(COSTS[:, :1], ("start",)))
    assert found.loc["start", ["share", "share_low", "share_high"]].tolist() == [1, 1, 1]
    assert found.loc["start", "note"] == "the only stream"
    assert found.loc["start", "deviation"] == pytest.approx(np.log(COSTS[:, 0]).std(ddof=1))


def test_runs_that_end_alike_have_no_shares() -> None:
    found = frame(twins(np.full((30, 4), 0.25)))
    assert found["share"].isna().all()
    assert set(found["note"]) == {"all runs end alike"}
    # At the floor is alike.
    assert set(frame(twins(COSTS), floor=1e9)["note"]) == {"all runs end alike"}


def test_too_few_rows_are_said() -> None:
    found = frame(twins(np.where(np.arange(30)[:, None] < 2, COSTS, np.nan)))
    assert found["share"].isna().all()
    assert found["note"].str.contains("too few").all()
    assert "too few" in told(found.reset_index())[0]
