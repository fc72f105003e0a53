"""Factors on the learning rate: in closed form per update, and by what the training loss does.

A schedule is called with `t`, the numbers of updates already made (float64, from 0, any shape), and
the total number of updates of the trial; it returns the factor for each. Keyword-only arguments are
its parameters; `warmup` is common to all of them. Spans are numbers of updates, or fractions of the
whole where they are below 1. After a warm-up, a schedule sees the updates that remain.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nncore.registry import Entry, Registry, describe
from nncore.streams import canonical

Steps = NDArray[np.float64]
TRIED = np.array([0.0, 1.0, 10.0])
schedules: Registry[Entry] = Registry("schedule")


def span(value: float, total: float) -> float:
    """A span in updates: `value`, or that fraction of `total` where it is below 1.

    What is a whole number but for rounding, such as 0.29 * 100 = 28.999999999999996, is whole.

    >>> span(0.29, 100), span(7, 100)
    (29.0, 7)
    """
    if value >= 1:
        return value
    length = value * total
    return float(round(length)) if abs(length - round(length)) < 1e-9 * length else length


def schedule(function: Callable[..., Any]) -> Callable[..., Any]:
    """Register a schedule, `function(t, total, *, parameters...)`; `warmup` is added to it.

    In a warm-up of W updates the factor grows in equal steps, (t + 1) / (W + 1) times that with
    which the schedule begins.
    """

    @functools.wraps(function)
    def warmed(t: Steps, total: int, *, warmup: float = 0.0, **parameters: Any) -> Steps:
        before = np.floor(span(_not_negative("warmup", warmup), total))
        ramp = np.minimum((t + 1) / (before + 1), 1)
        rest = max(total - before, 1)
        return np.asarray(ramp * function(np.maximum(t - before, 0), rest, **parameters))

    signature = inspect.signature(function)
    warmup = inspect.Parameter(
        "warmup", inspect.Parameter.KEYWORD_ONLY, default=0.0, annotation="float"
    )
    del warmed.__wrapped__
    warmed.__signature__ = signature.replace(  # type: ignore[attr-defined]
        parameters=[*signature.parameters.values(), warmup]
    )
    warmed.__annotations__ = {**function.__annotations__, "warmup": "float"}
    schedules.add(Entry(**describe(warmed)))
    return warmed


def _not_negative(name: str, value: float) -> float:
    if not np.all(np.asarray(value) >= 0):
        raise ValueError(f"{name} = {value}: at least 0")
    return value


def _positive(name: str, value: float) -> float:
    if not value > 0:
        raise ValueError(f"{name} = {value}: above 0")
    return value


@schedule
def constant(t: Steps, total: float) -> Steps:
    """The rate as it is."""
    return np.ones_like(t)


@schedule
def inverse_time(t: Steps, total: float, *, decay: float = 0.0) -> Steps:
    """1 / (1 + decay * t), what `decay` in a spec stands for. Document 003."""
    return np.asarray(1 / (1 + _not_negative("decay", decay) * t))


@schedule
def exponential(t: Steps, total: float, *, factor: float = 0.5, every: float = 0.1) -> Steps:
    """factor^(t / every): Keras's ExponentialDecay. https://keras.io/api/optimizers/learning_rate_schedules/exponential_decay/"""
    return np.asarray(_positive("factor", factor) ** (t / span(_positive("every", every), total)))


@schedule
def step(t: Steps, total: float, *, factor: float = 0.5, every: float = 0.1) -> Steps:
    """factor^floor(t / every): PyTorch's StepLR. https://pytorch.org/docs/stable/generated/torch.optim.lr_scheduler.StepLR.html"""
    length = span(_positive("every", every), total)
    return np.asarray(_positive("factor", factor) ** np.floor(t / length))


@schedule
def piecewise(
    t: Steps, total: float, *, boundaries: Any = (0.5, 0.75), factors: Any = (0.1, 0.01)
) -> Steps:
    """1 before the first boundary, factors[i] from boundaries[i] on. He et al. 2016, https://arxiv.org/abs/1512.03385

    Boundaries ascend; each is an update or, below 1, a fraction of all.
    """
    ends = np.array([span(boundary, total) for boundary in boundaries], dtype=np.float64)
    if len(ends) != len(factors) or (np.diff(ends) <= 0).any():
        raise ValueError(
            f"boundaries {list(boundaries)} and factors {list(factors)}: as many of one as of the "
            "other, boundaries in ascending order"
        )
    for factor in factors:
        _not_negative("factors", factor)
    return np.array([1.0, *factors])[np.searchsorted(ends, t, side="right")]


@schedule
def polynomial(t: Steps, total: float, *, power: float = 2.0, end: float = 0.0) -> Steps:
    """end + (1 - end) * (1 - t / total)^power: PyTorch's PolynomialLR. https://pytorch.org/docs/stable/generated/torch.optim.lr_scheduler.PolynomialLR.html"""
    power, end = _positive("power", power), _not_negative("end", end)
    return np.asarray(end + (1 - end) * _left(t, total) ** power)


@schedule
def linear(t: Steps, total: float, *, end: float = 0.0) -> Steps:
    """From 1 to `end` in equal steps: 1 - (1 - end) * t / total. https://arxiv.org/abs/1810.04805"""
    return np.asarray(_not_negative("end", end) + (1 - end) * _left(t, total))


@schedule
def cosine(
    t: Steps, total: float, *, end: float = 0.0, restarts: int = 0, growth: float = 1.0
) -> Steps:
    """Half a cosine from 1 to `end`, begun again at restarts. Loshchilov & Hutter 2017, https://arxiv.org/abs/1608.03983

    end + (1 - end) * (1 + cos(pi * x)) / 2, where x goes from 0 to 1 in each of restarts + 1
    cycles; each is `growth` times as long as the one before (the paper's T_mult), and together they
    fill the training.
    """
    lengths = _positive("growth", growth) ** np.arange(int(_not_negative("restarts", restarts)) + 1)
    ends = np.cumsum(lengths) * (total / lengths.sum())
    ends = np.where(np.abs(ends - np.round(ends)) < 1e-9 * ends, np.round(ends), ends)
    starts = np.concatenate([[0.0], ends[:-1]])
    cycle = np.minimum(np.searchsorted(ends, t, side="right"), len(ends) - 1)
    x = np.minimum((t - starts[cycle]) / (ends - starts)[cycle], 1)
    return np.asarray(_not_negative("end", end) + (1 - end) * _cosine(x))


@schedule
def one_cycle(
    t: Steps, total: float, *, peak: float = 0.3, start: float = 0.04, end: float = 4e-6
) -> Steps:
    """Up from `start` to 1 at `peak`, then down to `end`, half cosines. Smith & Topin 2018, https://arxiv.org/abs/1708.07120

    Defaults are PyTorch's OneCycleLR (1 / 25, and 1e-4 of that), which reaches its end at the last
    update, one earlier than here, and its peak one update earlier too. Momentum is not cycled.
    """
    top = span(_positive("peak", peak), total)
    up, down = np.minimum(t / top, 1), np.clip((t - top) / max(total - top, 1e-9), 0, 1)
    start, end = _not_negative("start", start), _not_negative("end", end)
    rising = start + (1 - start) * (1 - _cosine(up))
    return np.where(t < top, rising, end + (1 - end) * _cosine(down))


@schedule
def warmup_stable_decay(
    t: Steps, total: float, *, cooldown: float = 0.2, end: float = 0.0
) -> Steps:
    """1, then down to `end` in equal steps over the last `cooldown`. Hu et al. 2024, https://arxiv.org/abs/2404.06395

    The warm-up is `warmup`, as with every schedule; a fraction `cooldown` is one of what remains.
    """
    length = span(_positive("cooldown", cooldown), total)
    return np.asarray(_not_negative("end", end) + (1 - end) * np.clip((total - t) / length, 0, 1))


@schedule
def inverse_sqrt(t: Steps, total: float, *, scale: float = 1.0) -> Steps:
    """1 / sqrt(1 + t / scale). Vaswani et al. 2017, section 5.3, https://arxiv.org/abs/1706.03762

    With `warmup = W` and `scale = W + 1` it is the paper's schedule of W + 1 warm-up steps, divided
    by its peak.
    """
    return np.asarray(1 / np.sqrt(1 + t / span(_positive("scale", scale), total)))


@schedule
def plateau(
    t: Steps,
    total: float,
    *,
    factor: float = 0.1,
    patience: int = 10,
    threshold: float = 1e-4,
    cooldown: int = 0,
    end: float = 0.0,
) -> Steps:
    """Times `factor` when the training loss stalls for more than `patience` epochs. Document 003.

    An epoch's loss is the mean over its batches as they were trained on, never held-out data. It
    has improved when it is below best - threshold * |best|. After a reduction `cooldown` epochs are
    not counted; the factor never falls below `end`. PyTorch's ReduceLROnPlateau with its defaults,
    https://pytorch.org/docs/stable/generated/torch.optim.lr_scheduler.ReduceLROnPlateau.html
    whose best * (1 - threshold) lies above a best below zero: there, it calls a worse loss better.
    """
    for name, value in (("patience", patience), ("threshold", threshold), ("cooldown", cooldown)):
        _not_negative(name, value)
    if not 0 < factor < 1:
        raise ValueError(f"factor = {factor}: above 0 and below 1")
    if not 0 <= end <= 1:
        raise ValueError(f"end = {end}: from 0 to 1")
    return np.ones_like(t)


class Plateau:
    """The state of `plateau`, a trial a row: `factor` (T,) after the epochs seen so far."""

    def __init__(self, definitions: Sequence[Mapping[str, Any] | None]) -> None:
        own = [d if d is not None and d["name"] == "plateau" else None for d in definitions]
        self.watches = any(own)
        defaults = schedules["plateau"].parameters
        self._set = {
            name: np.array([(d or defaults).get(name, default) for d in own], dtype=np.float64)
            for name, default in defaults.items()
        }
        self._of = np.array([d is not None for d in own])
        self.factor = np.ones(len(own))
        self._best = np.full(len(own), np.inf)
        self._bad, self._cool = np.zeros(len(own)), np.zeros(len(own))

    def keep(self, other: Plateau, rows: Sequence[int]) -> None:
        """Take over the state of `other`'s `rows`."""
        for name in ("factor", "_best", "_bad", "_cool"):
            getattr(self, name)[:] = getattr(other, name)[rows]

    def see(self, losses: NDArray[np.float64]) -> None:
        """Count an epoch with these mean training losses `(T,)`."""
        seen = np.isfinite(self._best)
        best = np.where(seen, self._best, 0)
        goal = best * (1 - np.sign(best) * self._set["threshold"])
        better = losses < np.where(seen, goal, np.inf)
        self._best = np.where(better, losses, self._best)
        self._bad = np.where(better, 0, self._bad + 1)
        cooling = self._cool > 0
        self._cool -= cooling
        self._bad[cooling] = 0
        reduce = self._of & (self._bad > self._set["patience"])
        smaller = np.maximum(self.factor * self._set["factor"], self._set["end"])
        self.factor = np.where(reduce, np.minimum(smaller, self.factor), self.factor)
        self._cool = np.where(reduce, self._set["cooldown"], self._cool)
        self._bad[reduce] = 0


def factors(
    decays: NDArray[np.float64],
    schedule_of: Sequence[Mapping[str, Any] | None],
    updates: Steps,
    total: int,
) -> NDArray[np.float64]:
    """What each trial's rate is multiplied with at the given updates (from 0): `(T, updates)`.

    `decays` (T,) is shorthand for `inverse_time` and multiplies with a schedule.
    """
    factor = np.asarray(schedules["inverse_time"].function(updates, total, decay=decays[:, None]))
    distinct = {canonical(s): s for s in schedule_of if s is not None}
    for text, definition in distinct.items():
        parameters = {key: value for key, value in definition.items() if key != "name"}
        mine = [s is not None and canonical(s) == text for s in schedule_of]
        factor[mine] *= schedules[definition["name"]].function(updates, total, **parameters)
    return factor


def normal(definition: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """`definition`, every parameter filled in; None where it leaves the rate as it is.

    Raises ValueError or TypeError where its parameters make no schedule.
    """
    parameters = {key: value for key, value in definition.items() if key != "name"}
    schedules[definition["name"]].function(TRIED, 100, **parameters)
    still = definition["name"] == "constant" and not definition["warmup"]
    return None if still else definition


def _left(t: Steps, total: float) -> Steps:
    return np.clip(1 - t / total, 0, 1)


def _cosine(x: Steps) -> Steps:
    """From 1 at x = 0 to 0 at x = 1."""
    return np.asarray((1 + np.cos(np.pi * x)) / 2)
