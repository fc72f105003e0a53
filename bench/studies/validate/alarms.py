"""False alarms of the paired tests, and the power that the advised number of seeds gives."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import combinations

import numpy as np
from scipy.special import ndtri

from bench import stats
from bench.stats.arrays import Array, Bools
from bench.studies.validate.case import Case, Trial
from bench.studies.validate.laws import LAWS, Law

Test = Callable[[Array], stats.SignedRanks | stats.Signs]
TESTS: dict[str, Test] = {"Wilcoxon": stats.wilcoxon, "sign test": stats.sign_test}


def cases() -> Iterator[Case]:
    """All cases of equal optimizers, in the order of the table."""
    for title, test in TESTS.items():
        for name, law in LAWS.items():

            def trial(
                rng: np.random.Generator, n: int, samples: int, law: Law = law, test: Test = test
            ) -> Bools:
                pairs = law(rng.random((2, samples, n)))
                return np.array([test(d).p <= 0.05 for d in stats.differences(*pairs)])

            yield Case("an optimizer against itself", title, name, "at most", trial)
    for name in ("log-normal, over decades", "40% diverged"):
        yield Case(
            "any of the 10 pairs of 5 equal optimizers", "Wilcoxon with Holm", name, "at most",
            _family(LAWS[name]),
        )  # fmt: skip


def _family(law: Law) -> Trial:
    def trial(rng: np.random.Generator, n: int, samples: int) -> Bools:
        found = np.empty(samples, dtype=bool)
        for i, losses in enumerate(law(rng.random((samples, 5, n)))):
            p = [stats.wilcoxon(stats.differences(a, b)).p for a, b in combinations(losses, 2)]
            found[i] = stats.holm(p).min() <= 0.05
        return found

    return trial


def powers(samples: int) -> Iterator[tuple[str, int, float]]:
    """Law of the difference, seeds advised after seeing 1,000, and how often those show it."""
    levels = (np.arange(1000) + 0.5) / 1000
    laws: dict[str, Law] = {
        "normal, shifted by half its deviation": lambda u: ndtri(u) + 0.5,
        "normal, shifted by its deviation": lambda u: ndtri(u) + 1,
        "Cauchy, shifted by its quartile": lambda u: LAWS["Cauchy"](u) + 1,
        # Of the seeds 36% diverge with the first optimizer alone, 6% with the second, 4% with both.
        "40% diverge, against 10%": lambda u: np.select(
            [u < 0.06, u > 0.64, u > 0.6], [-np.inf, np.inf, 0.0], ndtri((u - 0.06) / 0.54)
        ),
    }
    for name, law in laws.items():
        n = stats.seeds_needed(law(levels))
        assert n is not None
        rng = np.random.default_rng(n)
        found = [stats.wilcoxon(d).p <= 0.05 for d in law(rng.random((samples, n)))]
        yield name, n, float(np.mean(found))
