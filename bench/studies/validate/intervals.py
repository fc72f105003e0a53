"""Coverage: the interval that each function gives, and those of methods that were not taken."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np
from scipy.special import bdtr, ndtri

from bench import stats
from bench.stats.arrays import Array, Bools
from bench.stats.bootstrap import Method, Statistic
from bench.studies.validate import sources
from bench.studies.validate.case import Case, Ends, Promise, Trial, by_row, covering, within
from bench.studies.validate.laws import (
    HARD,
    LAWS,
    LEVELS,
    expected_best_truth,
    interquartile_truth,
    median_best_truth,
    median_truth,
)

RESAMPLES = 999
TOGETHER = 20  # samples that share their resamples: 20 times fewer draws, 200 sets of them


def cases() -> Iterator[Case]:
    """All cases of coverage, in the order of the table."""
    yield from _medians()
    yield from _interquartile_means()
    yield _scores()
    yield from _shares()
    yield from _mean_ranks()
    yield from _times()
    yield from _budgets()
    yield _sensitivity()
    yield from sources.cases()


def _medians() -> Iterator[Case]:
    for name, law in LAWS.items():
        trial = covering(law, median_truth(law), lambda rng, x: stats.median_interval(x)[1:])
        yield Case("median", "order statistics", name, "at least", trial)
    for title, ends in (
        ("interpolated (not taken)", lambda rng, x: interpolated_median(x)),
        ("BCa (not taken)", _resampling(stats.median, "bca")),
    ):
        for name in HARD:
            trial = covering(LAWS[name], median_truth(LAWS[name]), ends)
            yield Case("median", title, name, "none", trial)


def interpolated_median(values: Array) -> tuple[Array, Array]:
    """Hettmansperger and Sheather 1986: between two order statistics, at the nominal level."""
    ordered = np.sort(values, axis=-1)
    n = ordered.shape[-1]
    k, _ = stats.interval_ranks(n)
    assert k is not None
    outer, inner = (1 - 2 * bdtr(float(misses), n, 0.5) for misses in (k, k + 1))
    part = (outer - 0.95) / (outer - inner)
    weight = (n - k - 1) * part / (k + 1 + (n - 2 * k - 2) * part)
    low = (1 - weight) * ordered[:, k] + weight * ordered[:, k + 1]
    return low, (1 - weight) * ordered[:, -1 - k] + weight * ordered[:, -2 - k]


def _resampling(statistic: Statistic, method: Method) -> Ends:
    return by_row(
        lambda rng, x: stats.bootstrap_interval(
            statistic, x, rng, resamples=RESAMPLES, method=method
        )[1:],
        TOGETHER,
    )


def _interquartile_means() -> Iterator[Case]:
    methods: list[tuple[Method, str, Sequence[str], Promise]] = [
        ("expanded", "expanded percentile", list(LAWS), "at least"),
        ("percentile", "percentile (not taken)", HARD, "none"),
        ("bca", "BCa (not taken)", HARD, "none"),
    ]
    for method, title, names, promise in methods:
        ends = _resampling(stats.interquartile_mean, method)
        for name in names:
            trial = covering(LAWS[name], interquartile_truth(LAWS[name]), ends)
            yield Case("interquartile mean", title, name, promise, trial)


def _scores() -> Case:
    # Four problems of different spread, scores clipped at both ends as normalised scores are.
    scales = np.array([[0.2], [0.5], [1.0], [3.0]])

    def scores(normal: Array) -> Array:
        return np.clip(scales * (0.5 + 0.5 * normal), 0, 1)

    truth = float(stats.interquartile_mean(scores(ndtri(LEVELS)).ravel()))
    ends = by_row(
        lambda rng, x: stats.stratified_interval(x, rng, resamples=RESAMPLES)[1:], TOGETHER
    )

    def trial(rng: np.random.Generator, n: int, samples: int) -> Bools:
        return within(truth, *ends(rng, scores(rng.standard_normal((samples, 4, n)))))

    return Case(
        "interquartile mean over 4 problems", "stratified, expanded percentile",
        "clipped normal", "at least", trial,
    )  # fmt: skip


def _shares() -> Iterator[Case]:
    methods: list[tuple[str, Promise, Callable[[Array, int], tuple[Array, Array]]]] = [
        ("Clopper-Pearson", "at least", stats.share_interval),
        ("Wilson (not taken)", "none", wilson),
    ]
    for title, promise, ends in methods:
        for share in (0.5, 0.94, 0.983):

            def trial(
                rng: np.random.Generator, n: int, samples: int, share: float = share,
                ends: Callable[[Array, int], tuple[Array, Array]] = ends,
            ) -> Bools:  # fmt: skip
                return within(share, *ends(rng.binomial(n, share, samples).astype(float), n))

            yield Case("share of seeds", title, f"{100 * share:g}%", promise, trial)


def _mean_ranks() -> Iterator[Case]:
    """Ranks among two optimizers, of which the first wins with a certain chance."""

    def gaffke(rng: np.random.Generator, ranks: Array) -> tuple[Array, Array]:
        return stats.bounded_mean_interval(ranks, (1.0, 2.0), rng, resamples=RESAMPLES)[1:]

    def mean(ranks: Array) -> Array:
        return np.asarray(np.asarray(ranks).mean(axis=-1))

    methods: list[tuple[str, Promise, Ends]] = [
        ("Gaffke", "at least", by_row(gaffke, TOGETHER)),
        ("expanded percentile (not taken)", "none", _resampling(mean, "expanded")),
    ]
    for title, promise, ends in methods:
        for share in (0.5, 0.94):

            def ranks(levels: Array, share: float = share) -> Array:
                return np.where(levels > share, 2.0, 1.0)

            trial = covering(ranks, 2.0 - share, ends)
            yield Case("mean rank of two", title, f"wins on {100 * share:g}%", promise, trial)


def wilson(count: Array, n: int) -> tuple[Array, Array]:
    """Wilson's score interval 1927 for a share."""
    z = -float(ndtri(0.025))
    share = count / n
    centre = (share + z**2 / (2 * n)) / (1 + z**2 / n)
    half = z / (1 + z**2 / n) * np.sqrt(share * (1 - share) / n + z**2 / (4 * n**2))
    return centre - half, centre + half


def _times() -> Iterator[Case]:
    def reached(late: float, early: float) -> Trial:
        """Share reached by time 1; every other run stops at `early`, the others at `late`."""

        def trial(rng: np.random.Generator, n: int, samples: int) -> Bools:
            times = rng.exponential(size=(samples, n))
            budgets = np.where(np.arange(n) % 2, early, late)
            hits = np.empty(samples, dtype=bool)
            for i, costs in enumerate(np.where(times <= budgets, times, np.inf)):
                curve = stats.kaplan_meier(costs, budgets)
                at = np.searchsorted(curve.times, 1.0, side="right") - 1
                hits[i] = curve.low[at] <= 1 - np.exp(-1) <= curve.high[at]
            return hits

        return trial

    def median_time(rng: np.random.Generator, n: int, samples: int) -> Bools:
        times = rng.exponential(size=(samples, n))
        curves = [stats.kaplan_meier(costs, 1.0) for costs in np.where(times <= 1, times, np.inf)]
        return within(np.log(2), *np.array([curve.quantile()[1:] for curve in curves]).T)

    what, law = "share reached by a time", "exponential"
    yield Case(what, "Kaplan-Meier, one budget", law, "at least", reached(2, 2))
    yield Case(what, "Kaplan-Meier, two budgets", law, "none", reached(2, 0.5))
    yield Case("median time to target", "Kaplan-Meier, one budget", law, "at least", median_time)


def _budgets() -> Iterator[Case]:
    for k in (1, 3, 5):

        def exact(rng: np.random.Generator, x: Array, k: int = k) -> tuple[Array, Array]:
            _, low, high = stats.quantile_interval(x, 1 - 0.5 ** (1 / k))
            return low, high

        for name in ("log-normal, over decades", "40% diverged"):
            trial = covering(LAWS[name], median_best_truth(LAWS[name], k), exact)
            yield Case(f"median best of {k}", "order statistics", name, "at least", trial)
    for k in (1, 3, 5):

        def resampled(rng: np.random.Generator, x: Array, k: int = k) -> tuple[Array, Array]:
            _, low, high = stats.expected_best_interval(x[0], rng, resamples=RESAMPLES)
            return low[k - 1 : k], high[k - 1 : k]

        trial = covering(ndtri, expected_best_truth(ndtri, k), by_row(resampled))
        yield Case(f"expected best of {k}", "expanded percentile", "normal", "none", trial)


def _sensitivity() -> Case:
    rates = 10.0 ** np.arange(-4, 3)
    middles = np.exp(0.3 * (np.log10(rates) + 1) ** 2)
    truth = stats.sensitivity(rates, middles)
    assert truth is not None

    def trial(rng: np.random.Generator, n: int, samples: int) -> Bools:
        losses = middles[:, None] * np.exp(0.1 * rng.standard_normal((samples, rates.size, n)))
        found = [stats.sensitivity_interval(rates, x, rng, resamples=RESAMPLES) for x in losses]
        return within(truth.decades, *np.array([ends for _, *ends in found]).T)

    return Case("decades within 10%", "expanded percentile", "log-normal", "none", trial)
