"""Shares of a variance: estimates and jackknife by brute force, and what has no share."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import scipy.stats

from bench import stats
from bench.studies.validate import sources

RNG = np.random.default_rng(3)


def between(y: np.ndarray) -> float:
    """Half the mean squared difference of two values of different rows, pair by pair."""
    pairs = itertools.permutations(range(len(y)), 2)
    return float(np.mean([(a - b) ** 2 / 2 for i, j in pairs for a in y[i] for b in y[j]]))


def share(y: np.ndarray, a: int, b: int) -> float:
    return float(np.mean((y[:, a] - y[:, b]) ** 2 / 2)) / between(y)


def jackknifed(y: np.ndarray, a: int, b: int, confidence: float) -> tuple[float, float]:
    n, whole = len(y), np.log(share(y, a, b))
    left = np.array([np.log(share(np.delete(y, i, axis=0), a, b)) for i in range(n)])
    pseudo = n * whole - (n - 1) * left
    heavy = max(scipy.stats.kurtosis(pseudo, fisher=False), 3) * (1 + 10 / n)
    reach = scipy.stats.t.ppf((1 + confidence) / 2, np.clip(2 * n / (heavy - 1), 2, n - 1))
    width = reach * scipy.stats.sem(pseudo)
    return float(np.exp(whole - width)), float(np.exp(whole + width))


@pytest.mark.parametrize("m", [2, 3, 4])
def test_shares_and_their_ends_are_those_of_brute_force(m: int) -> None:
    y = RNG.standard_normal((12, 1)) + 0.7 * RNG.standard_normal((12, m + 1))
    found = stats.variance_shares(1e3 * y - 5e4, confidence=0.8)
    assert found.variance == pytest.approx(1e6 * between(y))
    alone = {2: [(0, 2), (0, 1)], 3: [(2, 3), (1, 3), (1, 2)]}.get(m)
    for j in range(m):
        low, high = jackknifed(y, 0, j + 1, 0.8)
        expected = np.minimum([share(y, 0, j + 1), low, high], 1)
        assert [found.share[j], found.low[j], found.high[j]] == pytest.approx(expected)
        mine = [found.alone[j], found.alone_low[j], found.alone_high[j]]
        if alone is None:
            assert np.isnan(mine).all()
        else:
            low, high = jackknifed(y, *alone[j], 0.8)
            rest = np.minimum([share(y, *alone[j]), high, low], 1)
            assert mine == pytest.approx(1 - rest)


def test_the_variance_is_that_of_an_analysis_of_variance_of_independent_rows() -> None:
    # Without twins' own parts all values of a row are one: the sample variance of the rows.
    rows = RNG.standard_normal((9, 1))
    found = stats.variance_shares(np.repeat(rows, 3, axis=1))
    assert found.variance == pytest.approx(rows.var(ddof=1))
    assert found.share.tolist() == [0, 0]
    # That no twin differs says little of the next one.
    assert (found.low.tolist(), found.high.tolist()) == ([0, 0], [1, 1])


def test_several_samples_are_each_by_itself() -> None:
    y = RNG.standard_normal((2, 3, 11, 4))
    y[0, 1] = 2.5
    y[1, 2] *= 1e-200
    together = stats.variance_shares(y)
    for place in np.ndindex(2, 3):
        alone = stats.variance_shares(y[place])
        for name, values in vars(together).items():
            np.testing.assert_array_equal(values[place], getattr(alone, name))
    assert np.isnan(together.share[0, 1]).all()
    assert together.variance[0, 1] == 0


def test_of_one_source_alone_the_share_is_one() -> None:
    found = stats.variance_shares(RNG.standard_normal((5, 2)))
    assert [float(part[0]) for part in list(vars(found).values())[1:]] == [1] * 6


@pytest.mark.parametrize(
    "values", [np.ones((2, 3)), np.ones((9, 1)), np.ones(9), [[1, np.inf]] * 9, [[1, np.nan]] * 9]
)
def test_what_has_no_shares_is_refused(values: object) -> None:
    with pytest.raises(ValueError, match="values"):
        stats.variance_shares(values)  # type: ignore[arg-type]


def test_ranks_are_those_among_all() -> None:
    y = np.array([[1.0, np.inf, 3.0], [2.0, np.inf, 1.0]])
    expected = (scipy.stats.rankdata(y).reshape(y.shape) - 0.5) / y.size
    np.testing.assert_allclose(stats.as_ranks(y), expected)


@pytest.mark.parametrize("name", [n for n in sources.MODELS if "log" not in n])
def test_models_of_the_study_have_the_shares_that_they_say(name: str) -> None:
    model = sources.MODELS[name]
    y = sources.rows(model, np.random.default_rng(0), (60_000,))
    found, at = stats.variance_shares(y, confidence=0.9999), sources.SEEN
    assert found.low[at] <= model.share <= found.high[at]
    assert found.alone_low[at] <= model.alone <= found.alone_high[at]


def test_the_log_normal_has_the_shares_that_it_says() -> None:
    # By Gauss's quadrature: its tails are too long for drawing.
    nodes, weights = np.polynomial.hermite_e.hermegauss(40)
    weights = weights / weights.sum()
    rest = np.sqrt(0.73)
    y = np.exp(0.5 * nodes[:, None] + rest * nodes)
    whole = weights @ y**2 @ weights - (weights @ y @ weights) ** 2
    own = weights @ (y @ weights) ** 2 - (weights @ y @ weights) ** 2
    without = weights @ (weights @ y) ** 2 - (weights @ y @ weights) ** 2
    model = sources.MODELS["log-normal, not on logarithms"]
    assert (1 - without / whole, own / whole) == pytest.approx((model.share, model.alone))
