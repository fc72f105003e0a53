"""Every known slip of the documents: what it is, what it does, and what it costs over seeds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from bench import stats
from bench.session.results import Results
from bench.studies.documents import reproduce, runs
from bench.studies.documents.log_linear import LastSamples
from bench.studies.documents.reruns import RUNS
from nncore import datasets
from nncore.trial import runaway

Array = NDArray[np.float64]
COLUMNS = ["document", "slip", "effect", "measure", "as_printed", "as_intended"]
COLUMNS += ["seeds", "estimate", "value", "low", "high"]
RATIO = "median of printed / intended"
SHARE = "share as printed"


def row(
    document: str,
    slip: str,
    effect: str,
    measure: str = "",
    printed: ArrayLike = np.nan,
    intended: ArrayLike = np.nan,
) -> dict[str, Any]:
    """A slip whose printed and intended measures are single numbers, or nothing measurable."""
    values = (float(np.asarray(printed)), float(np.asarray(intended)))
    return dict(zip(COLUMNS, [document, slip, effect, measure, *values], strict=False))


def paired(
    document: str, slip: str, effect: str, measure: str, printed: Array, intended: Array
) -> dict[str, Any]:
    """A slip measured on the same seeds with and without it, `(S,)` each.

    The value is the median over seeds of the ratio printed / intended, with its 95% interval: the
    median of the log ratios, and its order-statistic interval, back from the logarithm.
    """
    value, low, high = (
        float(np.exp(x)) for x in stats.median_interval(stats.log_ratios(printed, intended))
    )
    medians = stats.median(printed), stats.median(intended)
    found = row(document, slip, effect, measure, *medians)
    interval = {"value": value, "low": low, "high": high}
    return {**found, "seeds": len(printed), "estimate": RATIO, **interval}


def error_of(expression: str, names: Mapping[str, float]) -> str:
    """The error that an expression raises, as Python words it; empty if it raises none.

    >>> error_of("1 / (1 / + decay * t)", {"decay": 0.1, "t": 0})
    'ZeroDivisionError: float division by zero'
    """
    try:
        eval(expression, {"__builtins__": {}}, dict(names))
    except ArithmeticError as error:
        return f"{type(error).__name__}: {error}"
    except NameError as error:
        return f"NameError: {error}"
    return ""


def table(
    results: Mapping[str, Results], samples: LastSamples, last_losses: Array, stale: Array
) -> pd.DataFrame:
    """`slips.csv`: a row per slip and measure.

    `samples` are document 004's per-sample runs as printed, up to the epoch whose losses as
    intended are `last_losses` (S,); `stale` is its full batch as printed on the first seeds.
    """
    found = [*_momentum(results), *_adagrad(results), *_learning(results), *_uniform(results)]
    found += [_accuracy(results), _sigmoid()]
    found += [*_stale(results, stale), *_last(samples, last_losses)]
    return pd.DataFrame(found, columns=COLUMNS).astype({"seeds": "Int64"})


def _finals(results: Mapping[str, Results], name: str, problem: str, optimizer: str) -> Array:
    return runs.final(results[name], problem, optimizer)


def _momentum(results: Mapping[str, Results]) -> list[dict[str, Any]]:
    rows = []
    for momentum in (0.5, 0.9):
        name = f"sgd, rate 1, decay 0.001, momentum {momentum}"
        for part in ("train", "test"):
            pair = [
                runs.final(results[spec], "spiral", name, f"{part}_loss")
                for spec in ("003_spiral", "003_slips")
            ]
            words = "training" if part == "train" else "test"
            rows.append(
                paired(
                    "003",
                    f"momentum {momentum}: the bias velocity is stored under a misspelt name",
                    "biases gather no momentum (bias.momentum = 0)",
                    f"final {words} loss",
                    *pair,
                )
            )
    return rows


def _adagrad(results: Mapping[str, Results]) -> list[dict[str, Any]]:
    slip = "AdaGrad's full listing: 1. / + decay * t for 1. + decay * t"
    error = error_of("1 / (1 / + decay * t)", {"decay": 1e-4, "t": 0})
    return [
        row("003", slip, f"the first update ends with {error}; nothing trains"),
        *(
            paired(
                "003",
                slip,
                f"with the first update {what}: the rate is rate * decay / t",
                "final training loss",
                _finals(results, "003_slips", "spiral", name),
                _finals(results, "003_spiral", "spiral", "adagrad, rate 1, decay 0.0001"),
            )
            for what, name in (
                ("at the full rate", "adagrad, as listed"),
                ("left out", "adagrad, as listed, first update left out"),
            )
        ),
    ]


def _learning(results: Mapping[str, Results]) -> list[dict[str, Any]]:
    slip = "SGD's full listing: the parameter is `learning`, the body reads `learning_rate`"
    error = error_of("learning_rate", {"learning": 1.0})
    return [
        row("003", slip, f"in a program of its own: {error}; nothing trains"),
        paired(
            "003",
            slip,
            "in the page's session: whatever is asked for, rate 0.345 of the decay example",
            "final training loss",
            _finals(results, "003_slips", "spiral", "sgd, as listed"),
            _finals(results, "003_spiral", "spiral", "sgd, rate 1"),
        ),
    ]


def _uniform(results: Mapping[str, Results]) -> list[dict[str, Any]]:
    name, rows = "adam, rate 0.05, decay 5e-07", []
    places = {"003_spiral": "spiral, uniform start", "003_slips": "spiral"}
    for measure, record in (("initial training loss", 0), ("final training loss", -1)):
        pair = [
            runs.curves(results[spec], problem, name, "train_loss")[1][:, record]
            for spec, problem in places.items()
        ]
        slip = "the last two cells: weights uniform in [0, 1), not 0.01 * normal"
        rows.append(paired("003", slip, "another start for Adam", measure, *pair))
    return rows


def _accuracy(results: Mapping[str, Results]) -> dict[str, Any]:
    [cell] = [c for c in reproduce.load()["003"]["cells"] if c["cell"] == 35]
    [texts] = RUNS["spiral"](cell["run"], ["epoch 0"])
    _, values = runs.curves(results["003_spiral"], "spiral", "sgd, rate 1", "train_accuracy")
    low, high = values[:, 0].min(), values[:, 0].max()
    return row(
        "003",
        "the first 1x64 cell prints the accuracy of an earlier network's predictions",
        f"a wrong number, no training; untrained networks of ours have {low:.3f} to {high:.3f}",
        "accuracy at epoch 0",
        0.34,
        float(texts["accuracy"]),
    )


def _sigmoid() -> dict[str, Any]:
    return row(
        "004",
        "sigmoid: 1 / 1 + exp(-x) is 1 + exp(-x)",
        "falls from infinity to 1 where it should rise from 0 to 1; the page never calls it",
        "sigmoid(0)",
        1 / 1 + np.exp(0.0),
        1 / (1 + np.exp(0.0)),
    )


def _stale(results: Mapping[str, Results], stale: Array) -> list[dict[str, Any]]:
    slip = "full batch: the second layer's sums are never computed again"
    _, values = runs.curves(results["004_log_linear"], "full_batch", "sgd", "train_loss")
    lost = []
    for spec in ("004_as_printed", "004_log_linear"):
        trials = results[spec].trials
        lost.append((trials["status"][trials["problem"] == "full_batch"] == "diverged").to_numpy())
    # A diverged run has no error worth a number: it counts as infinite. The runs as printed that
    # are paired here are the reference's, on the seeds' own data.
    finals = [
        _lost_as_infinite(results["004_log_linear"], errors)
        for errors in (stale, 2 * values[: len(stale)])
    ]
    cost = paired(
        "004",
        slip,
        "only the output layer learns, on features that never change",
        "mean squared error after 501 updates",
        *finals,
    )
    effect = "features that start large stay large, and rate 0.1 is too high for them for good"
    means = [found.mean() for found in lost]
    return [cost, _shared(row("004", slip, effect, "share of runs that diverge", *means), lost[0])]


def _lost_as_infinite(results: Results, errors: Array) -> Array:
    """The last of the mean squared errors `(n, R)` on the first n seeds of the full batch.

    Infinite where diverged.
    """
    trials = [t for t in results.manifest.trials if t.problem_name == "full_batch"]
    limits = [
        runaway(float(np.var(datasets.draw(t.problem.dataset, t.seed)["train"].y)))
        for t in sorted(trials, key=lambda t: t.seed)[: len(errors)]
    ]
    first, last = errors[:, 0], errors[:, -1]
    return np.where((last <= np.array(limits)) | (last < first), last, np.inf)


def _shared(found: dict[str, Any], which: NDArray[np.bool_]) -> dict[str, Any]:
    """`found` with the share of runs that are among `which` (S,), and its 95% interval."""
    low, high = (float(x) for x in stats.share_interval(which.sum(), len(which)))
    share = {"value": float(which.mean()), "low": low, "high": high}
    return {**found, "seeds": len(which), "estimate": SHARE, **share}


def _last(samples: LastSamples, losses: Array) -> list[dict[str, Any]]:
    dead = samples.dead[:, -1]
    slip = "per sample: every hidden unit dies"
    died = row(
        "004",
        slip,
        "a constant prediction; mean squared error of runs that died, and of the others",
        "share of runs without a living unit in the last hidden layer",
        *(stats.median(part) if part.size else np.nan for part in (losses[dead], losses[~dead])),
    )
    return [
        paired(
            "004",
            "per sample: all targets are compared with the last sample's prediction",
            "prints another number, trains the same; equal to the true loss for a dead network "
            "but for one update",
            "mean squared error at the last epoch",
            samples.printed[:, -1],
            losses,
        ),
        _shared(died, dead),
    ]
