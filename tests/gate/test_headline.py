"""The gate asks what the spec asks: another metric, in its own direction and size."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from bench.gate import baseline, check
from bench.gate.curves import Curves
from bench.gate.findings import Word
from bench.studies.validate import gate as alarms
from bench.tables.headline import Headline, headline
from nncore.metrics import BUILT_IN_COLUMNS

SHAKE = 0.001 * np.random.default_rng(3).standard_normal(20)
ACCURACY = headline("final_validation_accuracy", BUILT_IN_COLUMNS)


def curves(accuracy: Any, number: int = 0, judged: Headline = ACCURACY, **changes: Any) -> Curves:
    """A configuration whose accuracy ends there, its validation loss being lowest before that."""
    one = alarms.curves(1 + SHAKE, number)
    last = accuracy + SHAKE
    metrics = {
        "validation_accuracy": np.stack([last - 0.2, last], axis=1),
        "validation_loss": np.stack([np.zeros(20), np.ones(20)], axis=1),
    }
    return replace(one, headline=judged, metrics=metrics, **changes)


def told(old: list[Curves], new: list[Curves]) -> check.Check:
    before = baseline.Baseline("test", {}, tuple(baseline.line(c, 1) for c in old))
    again = baseline.loads(baseline.dumps(before))
    # Losses that differ by a hair, or all would be identical and nothing asked.
    return check.check(again, [replace(c, losses=c.losses * (1 + 1e-7)) for c in new])


@pytest.mark.parametrize(
    ("now", "word"), [(0.9, "same"), (0.895, "same"), (0.95, "same"), (0.87, "worse")]
)
def test_a_score_is_compared_by_its_difference(now: float, word: Word) -> None:
    found = told([curves(0.9)], [curves(now)])
    [measure] = [m for m in found.findings[0].measures if m.name == ACCURACY.words]
    assert measure.word == word
    assert measure.ratio == pytest.approx(0.9 - now, abs=1e-8)
    text = "final validation accuracy is 0.03 worse than the baseline's"
    assert (text in str(found)) == (word == "worse")


def test_all_together_are_asked_by_the_same_metric() -> None:
    found = told([curves(0.9, i) for i in range(3)], [curves(0.87, i) for i in range(3)])
    assert {m.name: m.word for m in found.pooled}[ACCURACY.words] == "worse"


def test_the_best_record_is_that_of_the_lowest_validation_loss() -> None:
    judged = headline("best_validation_accuracy", BUILT_IN_COLUMNS)
    assert curves(0.9, judged=judged).finals == pytest.approx(-(0.7 + SHAKE))
    lost = np.arange(20) < 3
    assert np.isinf(curves(0.9, judged=judged, diverged=lost).finals).tolist() == lost.tolist()


def test_a_baseline_by_another_metric_cannot_tell() -> None:
    found = told([curves(0.9)], [curves(0.5, judged=Headline())])
    assert found.exit_code == 3
    assert "is judged by final_train_loss here, by final_validation_accuracy" in str(found)
