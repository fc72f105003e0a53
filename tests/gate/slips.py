"""Slips of optimizers put into the rules one by one, and faults elsewhere: what does the gate see?

`python -m tests.gate.slips` prints the two tables of docs/gate.md.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any
from unittest import mock

import numpy as np

from bench.gate import baseline, check
from bench.gate.curves import Curves
from bench.gate.findings import Check
from bench.spec import experiment as spec
from nncore import datasets
from nncore.metrics import metrics
from nncore.registry import kept
from nncore.rules import rules
from nncore.stack.training import train
from nncore.trial import Target
from tests import ROOT

SPEC = ROOT / "experiments" / "convergence.toml"
REFERENCE = ROOT / "results" / "reference" / "convergence.json"


@dataclass(frozen=True)
class Slip:
    """A rule as it should not be: `function` in place of the rule's, with other entry `fields`.

    `seen` says by which look the gate sees it: "first", "second" or "both"; or why it cannot.
    """

    name: str
    rule: str
    function: Callable[..., None]
    seen: str
    fields: Mapping[str, Any] = field(default_factory=dict)


SLIPS: list[Slip] = []


def slip(name: str, rule: str, seen: str, **fields: Any) -> Callable[[Any], Any]:
    def register(function: Any) -> Any:
        SLIPS.append(Slip(name, rule, function, seen, fields))
        return function

    return register


# fmt: off
@slip("the sign of the step", "sgd", "both")
def _(w, g, t, v, *, learning_rate, momentum):
    v[:] = momentum * v + learning_rate * g
    w += v


@slip("a rate 20% too small", "sgd", "both")
def _(w, g, t, v, *, learning_rate, momentum):
    v[:] = momentum * v - np.float32(0.8) * learning_rate * g
    w += v


@slip("decay applied twice", "sgd", "both")
def _(w, g, t, v, *, learning_rate, momentum):
    v[:] = momentum * v - learning_rate / np.float32(1 + 1e-3 * (t - 1)) * g
    w += v


@slip("decay counted from the next update", "sgd", "first")
def _(w, g, t, v, *, learning_rate, momentum):
    rate = learning_rate * np.float32((1 + 1e-3 * (t - 1)) / (1 + 1e-3 * t))
    v[:] = momentum * v - rate * g
    w += v


@slip("the gradient not divided by the batch size", "sgd", "both")
def _(w, g, t, v, *, learning_rate, momentum):
    v[:] = momentum * v - learning_rate * np.float32(25) * g
    w += v


@slip("the biases' momentum lost, as in document 003", "sgd", "first", per="tensor")
def _(w, g, t, v, *, learning_rate, momentum):
    step = momentum * v - learning_rate * g
    if w.ndim == 3:
        v[:] = step
    w += step


@slip("the velocity rebound instead of filled", "sgd", "both")
def _(w, g, t, v, *, learning_rate, momentum):
    v = momentum * v - learning_rate * g
    w += v


@slip("the rate outside the velocity", "sgd", "first")
def _(w, g, t, v, *, learning_rate, momentum):
    v[:] = momentum * v + g
    w -= learning_rate * v


@slip("momentum damped by 1 - momentum", "sgd", "both")
def _(w, g, t, v, *, learning_rate, momentum):
    v[:] = momentum * v - (1 - momentum) * learning_rate * g
    w += v


@slip("the activation of the step before, as in document 004", "sgd", "first", buffers=("v", "old"))
def _(w, g, t, v, old, *, learning_rate, momentum):
    stale = g if t == 1 else old.copy()
    old[:] = g
    v[:] = momentum * v - learning_rate * stale
    w += v


@slip("an L2 penalty left in", "sgd", "both")
def _(w, g, t, v, *, learning_rate, momentum):
    v[:] = momentum * v - learning_rate * (g + np.float32(1e-3) * w)
    w += v


@slip("gradients clipped at 1 left in", "sgd", "first")
def _(w, g, t, v, *, learning_rate, momentum):
    v[:] = momentum * v - learning_rate * np.clip(g, -1, 1)
    w += v


def _adam(w, m, v, t, learning_rate, beta_1, beta_2, epsilon):
    m_hat, v_hat = m / (1 - beta_1**t), v / (1 - beta_2**t)
    w -= learning_rate * m_hat / (np.sqrt(v_hat) + epsilon)


@slip("no bias correction", "adam", "first")
def _(w, g, t, m, v, *, learning_rate, beta_1, beta_2, epsilon):
    m[:] = beta_1 * m + (1 - beta_1) * g
    v[:] = beta_2 * v + (1 - beta_2) * g**2
    w -= learning_rate * m / (np.sqrt(v) + epsilon)


@slip("the bias of the second moment alone corrected", "adam", "first")
def _(w, g, t, m, v, *, learning_rate, beta_1, beta_2, epsilon):
    m[:] = beta_1 * m + (1 - beta_1) * g
    v[:] = beta_2 * v + (1 - beta_2) * g**2
    w -= learning_rate * m / (np.sqrt(v / (1 - beta_2**t)) + epsilon)


@slip("the update number off by one", "adam", "first")
def _(w, g, t, m, v, *, learning_rate, beta_1, beta_2, epsilon):
    m[:] = beta_1 * m + (1 - beta_1) * g
    v[:] = beta_2 * v + (1 - beta_2) * g**2
    _adam(w, m, v, t + 1, learning_rate, beta_1, beta_2, epsilon)


@slip("epsilon inside the root", "adam", "first")
def _(w, g, t, m, v, *, learning_rate, beta_1, beta_2, epsilon):
    m[:] = beta_1 * m + (1 - beta_1) * g
    v[:] = beta_2 * v + (1 - beta_2) * g**2
    w -= learning_rate * m / (1 - beta_1**t) / np.sqrt(v / (1 - beta_2**t) + epsilon)


@slip("the betas swapped", "adam", "both")
def _(w, g, t, m, v, *, learning_rate, beta_1, beta_2, epsilon):
    m[:] = beta_2 * m + (1 - beta_2) * g
    v[:] = beta_1 * v + (1 - beta_1) * g**2
    _adam(w, m, v, t, learning_rate, beta_2, beta_1, epsilon)


@slip("the second moment of the mean, not of the gradient", "adam", "first")
def _(w, g, t, m, v, *, learning_rate, beta_1, beta_2, epsilon):
    m[:] = beta_1 * m + (1 - beta_1) * g
    v[:] = beta_2 * v + (1 - beta_2) * m**2
    _adam(w, m, v, t, learning_rate, beta_1, beta_2, epsilon)


@slip("state in half precision", "adam", "first")
def _(w, g, t, m, v, *, learning_rate, beta_1, beta_2, epsilon):
    m[:] = (beta_1 * m + (1 - beta_1) * g).astype(np.float16)
    v[:] = (beta_2 * v + (1 - beta_2) * g**2).astype(np.float16)
    _adam(w, m, v, t, learning_rate, beta_1, beta_2, epsilon)


@slip("epsilon a tenth of what it should be", "adam", "first")
def _(w, g, t, m, v, *, learning_rate, beta_1, beta_2, epsilon):
    m[:] = beta_1 * m + (1 - beta_1) * g
    v[:] = beta_2 * v + (1 - beta_2) * g**2
    _adam(w, m, v, t, learning_rate, beta_1, beta_2, epsilon / 10)


@slip("the cache not accumulated", "adagrad", "both")
def _(w, g, t, cache, *, learning_rate, epsilon):
    cache[:] = g**2
    w -= learning_rate * g / (np.sqrt(cache) + epsilon)


@slip("the cache without its root", "adagrad", "both")
def _(w, g, t, cache, *, learning_rate, epsilon):
    cache += g**2
    w -= learning_rate * g / (cache + epsilon)


@slip("the decay rate on the wrong side", "rmsprop", "first")
def _(w, g, t, cache, *, learning_rate, rho, epsilon):
    cache[:] = (1 - rho) * cache + rho * g**2
    w -= learning_rate * g / (np.sqrt(cache) + epsilon)


@slip("the cache of the step before", "rmsprop", "both")
def _(w, g, t, cache, *, learning_rate, rho, epsilon):
    w -= learning_rate * g / (np.sqrt(cache) + epsilon)
    cache[:] = rho * cache + (1 - rho) * g**2
# fmt: on


@contextmanager
def put(one: Slip) -> Iterator[None]:
    """The slip in place of its rule, for a while."""
    right = rules[one.rule]
    with kept(rules):
        rules.add(replace(right, function=one.function, **one.fields))
        yield


@cache
def experiment_of_the_gate() -> spec.Experiment:
    return spec.load(SPEC)


@cache
def reference() -> baseline.Baseline:
    return baseline.read(REFERENCE)


def measure(rule: str, problems: Sequence[str]) -> list[Curves]:
    """Curves of every configuration of `rule` on some problems, trained as the rule is now."""
    experiment, found = experiment_of_the_gate(), []
    for named in [p for p in experiment.problems if p.name in problems]:
        for optimizer in experiment.optimizers:
            if optimizer.rule != rule:
                continue
            for place in optimizer.on.get(named.name, ()):
                configuration = optimizer.configurations[place]
                n = len(experiment.seeds)
                targets = [Target(*pair) for pair in named.target.items()]
                outcomes = train(
                    named.problem, [configuration] * n, experiment.seeds, targets=targets
                )
                found.append(
                    Curves(
                        problem_name=named.name,
                        optimizer=optimizer.name,
                        problem=named.problem,
                        configuration=configuration,
                        configuration_index=len(found),
                        random=True,
                        seeds=experiment.seeds,
                        epochs=outcomes[0].epochs,
                        losses=np.stack([o.metrics["train_loss"] for o in outcomes]),
                        diverged=np.array([o.status != "ok" for o in outcomes]),
                        targets=named.target,
                        times={
                            target.column: np.array([o.arrivals[target] for o in outcomes])
                            for target in targets
                        },
                        metrics={
                            name: np.stack([o.metrics[name] for o in outcomes])
                            for name in outcomes[0].metrics
                            if name != "train_loss"
                        },
                    )
                )
    return found


def look(one: Slip, *, short: bool = False) -> Check:
    """What the gate says with the slip in its rule, of the configurations of that rule.

    `short` leaves the longest problem out.
    """
    problems = [p.name for p in experiment_of_the_gate().problems][1 if short else 0 :]
    with put(one):
        new = measure(one.rule, problems)
    return against_the_reference(new)


def against_the_reference(new: Sequence[Curves], *, strict: bool = False) -> Check:
    """What the gate says of some of the committed baseline's configurations."""
    old = reference()
    mine = {curves.content for curves in new}
    lines = tuple(line for line in old.lines if line.content in mine)
    return check.check(replace(old, lines=lines), new, strict=strict)


def seen(found: Check) -> str:
    """By which look the gate sees it: "first", "second", "both" or "neither"."""
    looks = bool(found.changed or found.ended), found.word == "worse"
    return {(True, True): "both", (True, False): "first", (False, True): "second"}.get(
        looks, "neither"
    )


@dataclass(frozen=True)
class Fault:
    """What is wrong while all train, with `measured` in place, or with the `curves` afterwards.

    The gate's exit code must be `code`, with --strict `strict`, and `told` be among what it says.
    """

    name: str
    code: int
    strict: int
    told: str
    measured: Callable[[], AbstractContextManager[Any]] = nullcontext
    curves: Callable[[Curves, np.random.Generator], Curves] = lambda one, rng: one

    def told_of(self, found: Check) -> str:
        """What is told, with the number of runs."""
        return self.told.format(runs=sum(each.seeds for each in found.findings))


@contextmanager
def by_argmin() -> Iterator[None]:
    """Accuracy by the smallest output."""
    right = metrics["accuracy"]
    with kept(metrics):
        metrics.add(replace(right, function=lambda p, Y: right.function(-p, Y)))
        yield


def leaking() -> AbstractContextManager[Any]:
    """Validation data that are the training data."""
    draw = datasets.draw

    def leak(*definition: Any) -> Any:
        parts = draw(*definition)
        return {**parts, "validation": parts["train"]}

    return mock.patch.object(datasets, "draw", leak)


def ending(one: Curves, finals: Any) -> Curves:
    """The curves with other final losses, diverged where these are infinite."""
    losses = one.losses.copy()
    losses[:, -1] = finals
    return replace(one, losses=losses, diverged=one.diverged | np.isinf(finals))


def worse(by: float, noise: float) -> Callable[[Curves, np.random.Generator], Curves]:
    def change(one: Curves, rng: np.random.Generator) -> Curves:
        factors = by * np.exp(noise * rng.standard_normal(len(one.seeds)))
        return ending(one, one.losses[:, -1] * factors)

    return change


def lost(one: Curves, rng: np.random.Generator) -> Curves:
    return ending(one, np.where(np.arange(len(one.seeds)) < 2, np.inf, one.losses[:, -1]))


FAULTS = [
    Fault(
        "validation data are the training data",
        3,
        1,
        "what is measured changed: validation_",
        measured=leaking,
    ),
    Fault(
        "accuracy by argmin",
        3,
        1,
        "what is measured changed: test_accuracy, train_accuracy",
        measured=by_argmin,
    ),
    Fault(
        "all losses 15% larger, under noise of 10%",
        1,
        1,
        "worse: all configurations together: final loss is 1.1",
        curves=worse(1.15, 0.1),
    ),
    Fault(
        "two of 20 seeds lost everywhere",
        1,
        1,
        "of {runs} runs newly diverge",
        curves=lost,
    ),
]


@cache
def _of_all(problems: Sequence[str]) -> list[Curves]:
    """Curves of the five optimizers."""
    return [c for rule in {s.rule: None for s in SLIPS} for c in measure(rule, problems)]


def look_at(one: Fault, *, short: bool = False, strict: bool = False) -> Check:
    """What the gate says with the fault in five optimizers on three problems.

    `short` leaves the longest problem out.
    """
    problems = tuple(p.name for p in experiment_of_the_gate().problems)[1 if short else 0 : 3]
    with one.measured():
        found = (_of_all if one.measured is nullcontext else _of_all.__wrapped__)(problems)
    rng = np.random.default_rng(0)
    return against_the_reference([one.curves(c, rng) for c in found], strict=strict)


def main() -> None:
    print("| slip | rule | first look: losses differ by | second look | worse at most |")
    print("|---|---|--:|---|---|")
    for one in SLIPS:
        found = look(one)
        early = [f.early[1] for f in found.changed if f.early]
        gap = f"{max(early):.2g}" if early else "-"
        if found.ended and not early:
            gap = f"{max(f.ended[1] for f in found.ended if f.ended):.2g} at the end"
        ratios = [
            (m.ratio, m.name) for f in found.findings for m in f.measures if m.word == "worse"
        ]
        worst = max(ratios, default=None)
        told = f"{worst[1]} x {worst[0]:.3g}" if worst else "-"
        if seen(found) == "neither":
            told = one.seen
        row = f"| {one.name} | {one.rule} | {gap} | {found.word} | {told} |"
        print(row.replace("inf", "∞"), flush=True)
    print("\n| fault | exit code | with `--strict` | says |")
    print("|---|--:|--:|---|")
    for fault in FAULTS:
        found = look_at(fault)
        said = [line for line in str(found).splitlines() if fault.told_of(found) in line]
        told = said[0].removeprefix("note: ").partition(f": {found.findings[0].problem}")[0]
        strict = replace(found, strict=True).exit_code
        print(f"| {fault.name} | {found.exit_code} | {strict} | {told} |", flush=True)


if __name__ == "__main__":
    main()
