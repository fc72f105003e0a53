"""Classic slips of optimizers, put into the rules one by one: what does the gate see of each?

`python -m tests.gate.slips` prints the table of docs/gate.md.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from bench.gate import baseline, check
from bench.gate.curves import Curves
from bench.gate.findings import Check
from bench.spec import experiment as spec
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


@slip("gradients clipped at 1 left in", "sgd", "no gradient of these problems is above 1")
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


def measure(rule: str, problems: Sequence[str]) -> list[Curves]:
    """Curves of every configuration of `rule` on some problems, trained as the rule is now."""
    experiment, found = spec.load(SPEC), []
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
    problems = [p.name for p in spec.load(SPEC).problems][1 if short else 0 :]
    with put(one):
        new = measure(one.rule, problems)
    old = baseline.read(REFERENCE)
    mine = {curves.content for curves in new}
    lines = tuple(line for line in old.lines if line.content in mine)
    return check.check(replace(old, lines=lines), new)


def seen(found: Check) -> str:
    """By which look the gate sees it: "first", "second", "both" or "neither"."""
    looks = bool(found.changed), found.word == "worse"
    return {(True, True): "both", (True, False): "first", (False, True): "second"}.get(
        looks, "neither"
    )


def main() -> None:
    print("| slip | rule | first look: early losses differ by | second look | worse at most |")
    print("|---|---|--:|---|---|")
    for one in SLIPS:
        found = look(one)
        early = [f.early[1] for f in found.changed if f.early]
        gap = f"{max(early):.2g}".replace("inf", "∞") if early else "-"
        ratios = [
            (m.ratio, m.name) for f in found.findings for m in f.measures if m.word == "worse"
        ]
        worst = max(ratios, default=None)
        told = f"{worst[1]} x {worst[0]:.3g}".replace("inf", "∞") if worst else "-"
        if seen(found) == "neither":
            told = one.seen
        print(f"| {one.name} | {one.rule} | {gap} | {found.word} | {told} |", flush=True)


if __name__ == "__main__":
    main()
