"""Document 004 as it prints: one run's slip is in what it prints, the other's in its loop.

Per sample, training is as intended; the page then compares every target with the prediction that
the last sample had before its update. `last_samples` trains the same seeds through the stacked core
and keeps the parameters of those moments. Full batch, the loop never recomputes the second hidden
layer; `stale` runs that with the reference, network by network, on the seeds' own data.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nncore import datasets, initializers
from nncore.layers import Architecture
from nncore.reference.layers import StaleDense
from nncore.reference.network import OPTIMIZERS, Network, network, steps
from nncore.rules import rules
from nncore.stack.training import train
from nncore.trial import Configuration, Problem

Array = NDArray[np.float64]


@dataclass(frozen=True)
class LastSamples:
    """Of every seed at every epoch asked for, arrays `(S, E)`.

    `printed` is the loss as document 004 prints it; `dead` says whether no unit of the last hidden
    layer answers to any sample. A run that is not finite has an infinite loss.
    """

    printed: Array
    dead: NDArray[np.bool_]


def last_samples(
    problem: Problem, configuration: Configuration, seeds: Sequence[int], epochs: Sequence[int]
) -> LastSamples:
    """Train `seeds` of the per-sample `problem` as one stack, and print at `epochs`, ascending."""
    data = {seed: datasets.draw(problem.dataset, seed)["train"] for seed in seeds}
    samples = len(data[seeds[0]].X)
    moments = {epoch: (epoch + 1) * samples for epoch in epochs}  # the update of the last sample
    seen: dict[int, Array] = {}
    name = _witness(configuration.rule, set(moments.values()), seen)
    end = epochs[-1] + 1
    short = replace(problem, epochs=end, record_every=end)
    trials = [Configuration(name, configuration.hyperparameters)] * len(seeds)
    outcomes = train(short, trials, seeds)
    printed = np.full((len(seeds), len(epochs)), np.inf)
    dead = np.zeros(printed.shape, dtype=bool)
    for column, (epoch, moment) in enumerate(moments.items()):
        # The core takes a run that is not finite out of the stack; the others keep their order.
        ends = [end if o.diverged_epoch is None else o.diverged_epoch for o in outcomes]
        alive = [i for i, last in enumerate(ends) if last > epoch]
        for parameters, i in zip(seen.get(moment, ()), alive, strict=False):
            X, y = data[seeds[i]]
            printed[i, column], dead[i, column] = _look(problem, parameters, X, y)
    return LastSamples(printed, dead)


def _witness(rule: str, updates: set[int], seen: dict[int, Array]) -> str:
    """The name of a copy of `rule` that puts parameters (T, P) into `seen` before some updates."""
    original = rules[rule]

    def function(w: Array, g: Array, t: int, *buffers: Array, **hyperparameters: Any) -> None:
        if t in updates:
            seen[t] = np.array(w)
        original.function(w, g, t, *buffers, **hyperparameters)

    name = f"{rule}, witness {next(_numbers)}"
    rules.add(replace(original, name=name, function=function))
    return name


_numbers = itertools.count()


def _look(problem: Problem, parameters: Array, X: Array, y: Array) -> tuple[float, bool]:
    """The loss as printed, in whole mean squares, and whether all hidden units are dead."""
    architecture = Architecture.of(problem.layers, X.shape[1])
    net = network(problem.layers, layered(architecture, parameters), problem.loss)
    with np.errstate(all="ignore"):
        outputs = net.forward(X)
        loss = float(np.mean((y - outputs[-1]) ** 2))
    return (loss if np.isfinite(loss) else np.inf), not net.dense[-1].inputs.any()


def layered(architecture: Architecture, parameters: Array) -> list[tuple[Array, Array]]:
    """Flat parameters `(P,)` as weights `(inputs, outputs)` and biases `(outputs,)` by layer."""
    return [(weights, biases) for weights, biases in architecture.parts(parameters)]


def stale(
    problem: Problem, configuration: Configuration, seeds: Sequence[int], updates: int
) -> Array:
    """Losses `(S, updates + 1)`, in whole mean squares, of document 004's full batch as printed.

    The second hidden layer's sums are those of the initial parameters throughout: the first update,
    which the page makes before its loop, is the only one by the true gradient. By the reference.
    """
    losses = np.full((len(seeds), updates + 1), np.inf)
    for row, seed in zip(losses, seeds, strict=True):
        X, y = datasets.draw(problem.dataset, seed)["train"]
        architecture = Architecture.of(problem.layers, X.shape[1])
        parameters = initializers.draw(problem.initializer, architecture.parameters, seed)
        built = network(problem.layers, layered(architecture, parameters), problem.loss)
        second = built.dense[1]
        layers = [
            StaleDense(layer.weights, layer.biases) if layer is second else layer
            for layer in built.layers
        ]
        optimizer = OPTIMIZERS[configuration.rule](configuration.hyperparameters)
        net = Network(layers, built.loss)
        with np.errstate(all="ignore"):
            for made in steps(net, optimizer, X, y):
                row[made] = np.mean((y - net.outputs) ** 2)
                if made == updates:
                    break
    return np.where(np.isnan(losses), np.inf, losses)


def samples_task(
    problem: Problem, configuration: Configuration, seeds: Sequence[int], epochs: Sequence[int]
) -> dict[str, NDArray[Any]]:
    """`last_samples` as plain arrays, to be kept in a file."""
    found = last_samples(problem, configuration, seeds, epochs)
    return {"epochs": np.array(epochs), "printed": found.printed, "dead": found.dead}


def stale_task(
    problem: Problem, configuration: Configuration, seeds: Sequence[int], updates: int
) -> dict[str, NDArray[Any]]:
    """`stale` as a plain array, to be kept in a file."""
    return {"losses": stale(problem, configuration, seeds, updates)}
