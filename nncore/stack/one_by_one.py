"""Calling a rule that sees one network at a time: lists of arrays, and plain numbers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nncore.rules import Hyperparameter, Rule

Array = NDArray[Any]
Views = list[Array]
"""Where a network's parameters, gradients or a buffer of its lie, an array each."""


def one_by_one(
    rule: Rule,
    networks: Sequence[Sequence[Views]],
    hyperparameters: Mapping[str, Hyperparameter],
    asked: Sequence[Mapping[str, Any]],
) -> Callable[[int, Hyperparameter], None]:
    """A function of the update's number and rate that calls `rule` for one trial after another.

    `networks` holds `w`, `g` and the buffers of each trial, `asked` what else it asks for. What the
    rule changes in place, sets in the lists or returns is what they are afterwards. The function
    raises TypeError or ValueError where the rule returns something else, and whatever the rule
    raises, but for networks that are not finite: these have diverged, and are left as they are.
    """
    numbers = [
        {name: float(value.exact[i, 0]) for name, value in hyperparameters.items()}
        for i in range(len(networks))
    ]

    def call(t: int, rate: Hyperparameter) -> None:
        for i, (network, values) in enumerate(zip(networks, numbers, strict=True)):
            w, g, *buffers = map(list, network)
            given = {"learning_rate": float(rate.exact[i, 0]), **values, **asked[i]}
            try:
                found = rule.function(w, g, t, *buffers, **given)
                left = [w, *buffers] if found is None else _replaced(rule, found, [w, *buffers])
                _write(rule, left, [network[0], *network[2:]])
            except Exception:
                if all(np.isfinite(array).all() for views in network for array in views):
                    raise

    return call


def _replaced(rule: Rule, found: Any, lists: Sequence[Views]) -> Sequence[Sequence[Any]]:
    """`w` and the buffers after a rule has returned `w`, or `(w, *buffers)`."""
    if isinstance(found, list | tuple):
        nested = [isinstance(item, list | tuple) for item in found]
        if nested and all(nested) and len(found) == len(lists):
            return found
        if not any(nested):
            return [found, *lists[1:]]
    whole = ", ".join(["w", *rule.buffers])
    raise TypeError(
        f"{rule.name} returned {_told(found)}; return w, a list of arrays"
        + (f", or ({whole}), lists of arrays" if rule.buffers else "")
    )


def _told(found: Any) -> str:
    if isinstance(found, list | tuple):
        return f"a {type(found).__name__} of {len(found)}, of " + " and ".join(
            sorted({type(item).__name__ for item in found})
        )
    return f"a {type(found).__name__}"


def _write(rule: Rule, lists: Sequence[Sequence[Any]], networks: Sequence[Views]) -> None:
    """Bring what is in `lists` to where it belongs: first read, then written."""
    moved = []
    for name, arrays, views in zip(("w", *rule.buffers), lists, networks, strict=True):
        if len(arrays) != len(views):
            raise ValueError(f"{rule.name}: {name} is {len(arrays)} arrays, not {len(views)}")
        for k, (array, view) in enumerate(zip(arrays, views, strict=True)):
            if array is view:
                continue
            if np.shape(array) != view.shape:
                raise ValueError(
                    f"{rule.name}: {name}[{k}] has the shape {np.shape(array)}, not {view.shape}"
                )
            moved.append((view, np.array(array, view.dtype)))
    for view, array in moved:
        view[...] = array
