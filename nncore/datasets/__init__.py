"""Datasets, each from a seed; a function's keyword arguments are its parameters.

A dataset's function returns `(X, y)`: `X` is `(N, F)` numbers; `y` is `(N,)` integers for classes,
or `(N, K)` numbers for a regression or one-hot classes. Its positional arguments say what it draws
from: none (a fixed dataset), `rng` (every part has a stream of its own), `rng, law` (`law` is one
stream for all parts: what training, validation and test samples have in common), or `rng, part`
(`part` is 0, 1 or 2: where parts differ in more than their draws). Tables are
read whole and split (`nncore.datasets.tables`); test functions have no samples, but a minimum
(`nncore.datasets.functions`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

# isort: off
# In the order of registration: simplest first.
import nncore.datasets.documents
import nncore.datasets.generated
import nncore.datasets.functions
import nncore.datasets.counterexamples
import nncore.datasets.files
import nncore.datasets.shipped  # noqa: F401

# isort: on
from nncore.datasets import tables
from nncore.datasets.documents import blobs, layer, log_linear, neuron, people, spiral, vertical
from nncore.datasets.functions import distance, heights, loss_of, made, minima
from nncore.datasets.kinds import PARTS, XY, Dataset, Part, checked, dataset, datasets
from nncore.datasets.tables import facts, read, split
from nncore.streams import generator

__all__ = [
    "PARTS",
    "XY",
    "Dataset",
    "Part",
    "blobs",
    "content",
    "dataset",
    "datasets",
    "default_problem",
    "distance",
    "draw",
    "heights",
    "layer",
    "log_linear",
    "loss_of",
    "minima",
    "neuron",
    "people",
    "remarks",
    "spiral",
    "vertical",
]


def default_problem(definition: Mapping[str, Any]) -> dict[str, Any]:
    """What a problem on this dataset may leave out, with the dataset's parameters filled in.

    Raises ValueError or OSError for a table that cannot be read.

    >>> default_problem({"name": "spiral", "classes": 5})["layers"]
    ['dense 64', 'relu', 'dense 5', 'softmax']
    """
    entry = datasets[definition["name"]]
    parameters = {**entry.parameters, **definition}
    if entry.kind == "table":
        parameters |= facts(parameters)
    problem = dict(entry.problem)
    problem["layers"] = [layer.format(**parameters) for layer in problem["layers"]]
    if "loss" in problem:
        problem["loss"] = problem["loss"].format(**parameters)
    if entry.kind == "table" and "batch_size" in problem:
        problem["batch_size"] = max(1, min(problem["batch_size"], parameters["training"]))
    return problem


def draw(definition: Mapping[str, Any], seed: int) -> dict[str, Part]:
    """The parts of a dataset for one seed: train, and validation and test where there are any.

    `definition` holds `name` and every parameter. Raises ValueError for parameters that do not make
    a dataset, UnknownNameError for an unknown name, OSError for a file that cannot be read.
    """
    entry = datasets[definition["name"]]
    if entry.kind == "table":
        return split(definition, seed)
    parameters = {key: value for key, value in definition.items() if key != "name"}
    content = [dict(definition), entry.digest, seed]
    parts = {}
    for number, part in enumerate(PARTS if entry.random else PARTS[:1]):
        streams = {"rng": ("data", part, *content), "law": ("data", "law", *content)}
        draws = [number if d == "part" else generator(*streams[d]) for d in entry.draws]
        if entry.kind == "function":
            it = made(definition)
            y = it.draw(*draws) if it.draw else it.minima[:1]
            parts[part] = checked(entry.name, np.empty((len(y), 0)), y, features=False)
        else:
            parts[part] = checked(entry.name, *entry.function(*draws, **parameters))
    return parts


def content(definition: Mapping[str, Any]) -> dict[str, Any]:
    """What stands for a dataset in a trial's key: of a table its content, wherever its file lies.

    The same numbers at another path, or written another way, are the same data.
    """
    table = datasets[definition["name"]].kind == "table"
    return tables.content(definition) if table else dict(definition)


def remarks(definition: Mapping[str, Any]) -> tuple[str, ...]:
    """Sentences about a table that its user should read; none about other datasets."""
    table = datasets[definition["name"]].kind == "table"
    return read(definition).samples.remarks if table else ()
