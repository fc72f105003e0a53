"""Whether the parts of a problem fit together: data, layers, loss, batches, memory."""

from __future__ import annotations

import math
from collections.abc import Mapping, Set
from dataclasses import replace
from typing import Any

import numpy as np

from bench.spec.mistakes import Mistakes
from bench.spec.plugins import blame
from nncore.datasets import Part, datasets, draw, loss_of
from nncore.initializers import values as given_values
from nncore.layers import Architecture
from nncore.losses import losses, targets
from nncore.streams import canonical
from nncore.trial import Problem

MOST_SAMPLES = 10_000_000
MOST_RECORDS = 1_000_000
MOST_BYTES = 4 * 2**30  # of one trial: parameters with gradient and two buffers, activations

Parts = Mapping[str, Part]


class Consistency:
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
        try:
            network = Architecture.of(problem.layers, features)
        except ValueError as error:
            self._add(f"{path}.layers", str(error))
            return parts
        cells = network.cells * samples
        size = (4 * network.size + 3 * cells) * np.dtype(problem.dtype).itemsize
        if size > MOST_BYTES:
            self._add(
                f"{path}.layers",
                f"{network.size:,} parameters and {samples:,} samples take about "
                f"{size / 2**30:,.0f} GiB a trial; at most {MOST_BYTES / 2**30:.0f} GiB",
            )
        elif problem.initializer["name"] == "values" and "initializer" not in broken:
            try:
                given_values(network.parameters, values=problem.initializer["values"])
            except ValueError as error:
                self._add(f"{path}.initializer.values", str(error))
        if "loss" not in broken:
            self._loss(problem, network, parts, path)
        return parts

    def _loss(self, problem: Problem, network: Architecture, parts: Parts, path: str) -> None:
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
        if needed is not None and network.outputs < needed:
            self._outputs(name, f"{needed} classes", needed, network, path)
        elif needed is None and network.outputs != y.shape[1]:
            self._outputs(name, f"{y.shape[1]} targets", y.shape[1], network, path)
        if entry.classes and network.last != "softmax":
            self._add(
                f"{path}.layers",
                f'{entry.name} needs probabilities, the last layer is "{network.written[-1]}"; end '
                'the layers with "softmax"',
            )

    def _outputs(
        self, dataset: str, has: str, needed: int, network: Architecture, path: str
    ) -> None:
        outputs = network.outputs
        what = (
            f"the network has {outputs} {'output' if outputs == 1 else 'outputs'}, the dataset "
            f'"{dataset}" {has}'
        )
        # What has one number after its name has so many outputs, as far as anyone can tell.
        sized = [one for one in network.written if len(one.numbers) == 1]
        if sized:
            better = replace(sized[-1], numbers=(needed,))
            what += f'; make the last {better.kind.name} layer "{better}" instead of "{sized[-1]}"'
        self._add(f"{path}.layers", what)

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
