"""The workloads of `bench speed`, as what each contender needs to train them on its own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from nncore import datasets, initializers
from nncore.datasets import dataset
from nncore.layers import Architecture
from nncore.rules import rules
from nncore.streams import generator
from nncore.trial import Configuration, Problem

Array = NDArray[Any]


DIGITS = {
    "layers": ["dense 64", "relu", "dense {classes}", "softmax"],
    "initializer": {"name": "he_normal"},
    "loss": "categorical_crossentropy",
    "batch_size": 64,
    "shuffle": True,
    "epochs": 100,
    "record_every": 100,
}


def digits_like(
    rng: Generator, law: Generator, *, samples: int = 1797, features: int = 64, classes: int = 10
) -> tuple[Array, Array]:
    """Clouds that overlap, of the size of scikit-learn's handwritten digits."""
    centers = law.standard_normal((classes, features))
    y = np.arange(samples) % classes
    return centers[y] + 2 * rng.standard_normal((samples, features)), y


@dataclass(frozen=True)
class Workload:
    """A problem and a configuration, trained by every contender with the seeds 0, 1, ..."""

    name: str
    problem: Problem
    configuration: Configuration

    @property
    def steps(self) -> int:
        """Updates of a trial."""
        samples = len(self.draw(0)["train"][0])
        return self.problem.epochs * -(-samples // (self.problem.batch_size or samples))

    @property
    def classifies(self) -> bool:
        """Whether targets are classes; the others are numbers, with half the squared error."""
        return self.problem.loss == "categorical_crossentropy"

    def draw(self, seed: int) -> Mapping[str, tuple[Array, Array]]:
        """The parts: `X` (N, F) float32; `y` (N,) int64 classes, or (N, K) float32 numbers."""
        parts = datasets.draw(self.problem.dataset, seed)
        kind = np.int64 if self.classifies else np.float32
        return {name: (X.astype(np.float32), y.astype(kind)) for name, (X, y) in parts.items()}

    def start(self, seed: int) -> list[tuple[Array, Array]]:
        """Initial weights `(inputs, outputs)` and biases `(outputs,)` of every layer, float32."""
        features = self.draw(seed)["train"][0].shape[1]
        net = Architecture.of(self.problem.layers, features)
        flat = initializers.draw(self.problem.initializer, net.parameters, seed)
        return [(w, b) for w, b in net.parts(flat.astype(np.float32))]

    def order(self, seed: int) -> Generator | None:
        """The stream whose permutations are the orders of the samples; None: as they are."""
        samples = len(self.draw(seed)["train"][0])
        return generator("order", samples, seed) if self.problem.shuffle else None


def _workload(name: str, definition: Mapping[str, Any], rule: str, **settings: Any) -> Workload:
    entry = datasets.datasets[definition["name"]]
    definition = {**entry.parameters, **definition}
    problem = {**datasets.default_problem(definition), "dtype": "float32", **settings}
    batch = problem["batch_size"]
    problem |= {
        "dataset": definition,
        "layers": tuple(problem["layers"]),
        "batch_size": None if batch == "full" else batch,
        "shuffle": problem.get("shuffle", False),
    }
    hyperparameters = {**rules[rule].hyperparameters, "learning_rate": 0.001}
    return Workload(name, Problem(**problem), Configuration(rule, hyperparameters))


def workloads() -> dict[str, Workload]:
    """The three workloads by name; the default problems of their documents but for shorter runs.

    Registers the dataset `digits_like`, which no spec needs, when called for the first time.
    """
    if digits_like.__name__ not in datasets.datasets:
        dataset(**DIGITS)(digits_like)
    found = [
        _workload("spiral", {"name": "spiral"}, "adam", epochs=2000, record_every=100),
        _workload("mini-batches", {"name": "digits_like"}, "adam"),
        _workload(
            "per-sample", {"name": "log_linear"}, "sgd", batch_size=1, epochs=20, record_every=10
        ),
    ]
    return {workload.name: workload for workload in found}
