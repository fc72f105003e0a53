"""What slips of the pages do, one by one."""

from types import SimpleNamespace

import numpy as np
import pytest

from bench import stats
from bench.plan.trial import Trial
from bench.studies.documents import (
    runs,
    slips,
)
from nncore.datasets import draw
from nncore.rules import rules
from tests.problems import fixed


def test_the_listed_adagrad_has_the_rate_that_the_listing_computes():
    runs.experiment("003_slips")
    w, g, cache = np.zeros((1, 1)), np.ones((1, 1)), np.zeros((1, 1))
    for t in range(1, 6):
        before = w.copy()
        rules["listed_adagrad"].function(w, g, t, cache, learning_rate=2.0, listed_decay=1e-4)
        decay, iterations = 1e-4, t - 1
        rate = 2.0 if t == 1 else 2.0 * (1.0 / (1.0 / +decay * iterations))
        assert (before - w).item() == pytest.approx(rate / (np.sqrt(t) + 1e-7), rel=1e-12)


def test_errors_that_slips_raise():
    assert slips.error_of("learning_rate", {"learning": 1.0}).startswith("NameError")
    assert slips.error_of("1 / (1 / + decay * t)", {"decay": 1e-4, "t": 1}) == ""


def test_medians_of_ratios_are_the_medians_of_logarithms():
    printed_, intended = np.array([2.0, 8.0, 1.0]), np.array([1.0, 1.0, 1.0])
    row = slips.paired("004", "", "", "", printed_, intended)
    assert row["value"] == pytest.approx(2.0)
    assert (row["low"], row["high"]) == (0.0, np.inf)  # three seeds cannot tell
    assert stats.median(printed_) == row["as_printed"]


def test_a_diverged_run_of_the_stale_layer_counts_as_infinite():
    problem = fixed("log_linear", ["dense 1"], "half_mean_squared_error", np.zeros(6))
    trials = [Trial(i, "full_batch", "sgd", problem, None, 0, i, str(i)) for i in (1, 0)]
    results = SimpleNamespace(manifest=SimpleNamespace(trials=trials))
    limits = [2 * draw(problem.dataset, seed)["train"].y.var() for seed in (0, 1)]
    for factor, start, expected in ((0.99, 0.5, False), (1.01, 1.5, False), (1.01, 0.5, True)):
        errors = np.outer(limits, [start, factor])
        assert (np.isinf(slips._lost_as_infinite(results, errors)) == expected).all()
