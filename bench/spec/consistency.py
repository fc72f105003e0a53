"""Whether the parts of a problem fit together: data, layers, loss, batches, memory."""

from __future__ import annotations

import math
from collections.abc import Mapping, Set
from typing import Any

import numpy as np

from bench.spec.mistakes import Mistakes
from bench.spec.plugins import blame
from nncore.datasets import Part, datasets, draw, loss_of
from nncore.initializers import values as given_values
from nncore.layers import Dense, parse, shapes
from nncore.losses import losses, targets
from nncore.streams import canonical
from nncore.trial import Problem

MOST_SAMPLES = 10_000_000
MOST_RECORDS = 1_000_000
MOST_BYTES = 4 * 2**30  # of one trial: parameters with gradient and two buffers, activations

Parts = Mapping[str, Part]


class Fit:
    """Checks problems against their data, which it draws once per definition, with `seed`."""

    def __init__(self, seed: int, mistakes: Mistakes) -> None:
        self.seed, self.mistakes = seed, mistakes
        self._drawn: dict[str, Parts | None] = {}

    def check(self, problem: Problem, path: str, broken: Set[str]) -> Parts | None:
        """The parts of the problem's data, or None if there are none; notes what does not fit.

        Keys in `broken` are known to be wrong: what depends on them is not checked.
        """
        records = problem.epochs // problem.record_every
        if records > MOST_RECORDS and not broken & {"epochs", "record_every"}:
            self._add(
                f"{path}.record_every",
                f"{problem.record_every} makes {records:,} records a trial; at most "
                f"{MOST_RECORDS:,}, so at least {-(-problem.epochs // MOST_RECORDS)}",
            )
        parts = self._data(problem.dataset, f"{path}.dataset")
        if parts is None:
            return None
        samples, features = parts["train"].X.shape
        if (problem.batch_size or 0) > samples:
            self._add(
                f"{path}.batch_size",
                f"is {problem.batch_size}, the training data have {samples} samples; must be at "
                f'most {samples}, or "full"',
            )
        if "layers" in broken:
            return parts
        found = shapes(problem.layers, features)
        parameters = sum((inputs + 1) * outputs for inputs, outputs in found)
        cells = sum(outputs for _, outputs in found) * samples
        size = (4 * parameters + 3 * cells) * np.dtype(problem.dtype).itemsize
        if size > MOST_BYTES:
            self._add(
                f"{path}.layers",
                f"{parameters:,} parameters and {samples:,} samples take about "
                f"{size / 2**30:,.0f} GiB a trial; at most {MOST_BYTES / 2**30:.0f} GiB",
            )
        elif problem.initializer["name"] == "values" and "initializer" not in broken:
            try:
                given_values(found, values=problem.initializer["values"])
            except ValueError as error:
                self._add(f"{path}.initializer.values", str(error))
        if "loss" not in broken:
            self._loss(problem, found[-1][1], parts, path)
        return parts

    def _loss(self, problem: Problem, outputs: int, parts: Parts, path: str) -> None:
        name, y = problem.dataset["name"], parts["train"].y
        try:
            entry = loss_of(problem.loss, problem.dataset)
        except ValueError as error:
            self._add(f"{path}.loss", str(error))
            return
        fitting = [other.name for other in losses.values() if other.classes == (y.ndim == 1)]
        if (y.ndim == 1) != entry.classes and not (entry.classes and _one_hot(y)):
            wants, has = ("classes", "numbers") if entry.classes else ("numbers", "classes")
            self._add(
                f"{path}.loss",
                f'{entry.name} needs {wants} as targets, the dataset "{name}" has {has}; use '
                + " or ".join(fitting),
            )
            return
        needed = max(int(part.y.max()) + 1 for part in parts.values()) if y.ndim == 1 else None
        if needed is not None and outputs < needed:
            self._outputs(problem, f"{needed} classes", needed, outputs, path)
        elif needed is None and outputs != y.shape[1]:
            self._outputs(problem, f"{y.shape[1]} targets", y.shape[1], outputs, path)
        if entry.classes and parse(problem.layers)[-1] != "softmax":
            self._add(
                f"{path}.layers",
                f'{entry.name} needs probabilities, the last layer is "{problem.layers[-1]}"; end '
                'the layers with "softmax"',
            )

    def _outputs(self, problem: Problem, has: str, needed: int, outputs: int, path: str) -> None:
        dense = [layer for layer in parse(problem.layers) if isinstance(layer, Dense)]
        self._add(
            f"{path}.layers",
            f"the network has {outputs} {'output' if outputs == 1 else 'outputs'}, the dataset "
            f'"{problem.dataset["name"]}" {has}; make the last dense layer '
            f'"dense {needed}" instead of "dense {dense[-1].units}"',
        )

    def _data(self, definition: Mapping[str, Any], path: str) -> Parts | None:
        content = canonical(definition)
        if content not in self._drawn:
            self._drawn[content] = self._draw(definition, path)
        return self._drawn[content]

    def _draw(self, definition: Mapping[str, Any], path: str) -> Parts | None:
        integers = {
            key: value
            for key, value in definition.items()
            if isinstance(value, int) and not isinstance(value, bool)
        }
        samples = math.prod(max(1, value) for value in integers.values())
        if samples > MOST_SAMPLES:
            sizes = " x ".join(f"{key} {value:,}" for key, value in integers.items())
            self._add(path, f"{sizes} is {samples:,} values; at most {MOST_SAMPLES:,}")
            return None
        entry = datasets[definition["name"]]
        try:
            return draw(definition, self.seed)
        except Exception as error:
            self._add(path, blame(error, entry.origin) if entry.digest else str(error))
            return None

    def _add(self, path: str, what: str) -> None:
        self.mistakes.add(path, what)


def _one_hot(y: Any) -> bool:
    try:
        targets(y[:1000], y.shape[1], losses["categorical_crossentropy"])
    except ValueError:
        return False
    return True
