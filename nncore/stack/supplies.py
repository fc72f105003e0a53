"""What rules may ask for beside weights and gradient: random numbers, and the batch again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from nncore.stack.oracle import Points
from nncore.stack.tensors import Tensor
from nncore.streams import generator

Array = NDArray[Any]


class Asking(Protocol):
    """A rule: its name, and what it asks for."""

    @property
    def name(self) -> str: ...  # noqa: D102
    @property
    def needs(self) -> tuple[str, ...]: ...  # noqa: D102


class Supplies:
    """Of the trials with `seeds`: generators, a stream each of every piece that asks; `points`.

    A stream follows from the piece's name and the seed, so that it is the same in every
    configuration: comparisons are paired.
    """

    def __init__(self, pieces: Sequence[Asking], seeds: Sequence[int], points: Points) -> None:
        self.points = points
        self._streams: Mapping[str, list[Generator]] = {
            piece.name: [generator("rule", piece.name, seed) for seed in seeds]
            for piece in pieces
            if "rng" in piece.needs
        }

    def keep(self, other: Supplies, rows: Sequence[int]) -> None:
        """Go on where `other` is, with its `rows`."""
        self.points.count[:] = other.points.count[rows]
        for name, streams in self._streams.items():
            for stream, row in zip(streams, rows, strict=True):
                stream.bit_generator.state = other._streams[name][row].bit_generator.state

    def of_stack(self, piece: Asking) -> dict[str, Any]:
        """For one that sees a whole stack.

        `rng` is a list of generators, one a trial; `gradient(w)` takes and gives `(T, P)`,
        `loss(w)` gives `(T, 1)`; of some trials alone, `gradient(w, rows)`.
        """

        def loss(w: Array, rows: Sequence[int] | None = None) -> Array:
            return self.points.loss(w, rows)[:, None]

        rng = self._streams.get(piece.name)
        return _asked(piece, {"rng": rng, "gradient": self.points.gradient, "loss": loss})

    def of_trial(self, piece: Asking, i: int, parts: Sequence[Tensor]) -> dict[str, Any]:
        """For one that sees trial `i` alone: points and gradients are lists of its `parts`."""

        def gradient(w: Sequence[Array]) -> list[Array]:
            g = self.points.gradient(_flat(w, parts), [i])
            return [part.of(g)[0] for part in parts]

        def loss(w: Sequence[Array]) -> float:
            return float(self.points.loss(_flat(w, parts), [i])[0])

        rng = self._streams[piece.name][i] if piece.name in self._streams else None
        return _asked(piece, {"rng": rng, "gradient": gradient, "loss": loss})


def _asked(piece: Asking, known: Mapping[str, Any]) -> dict[str, Any]:
    return {name: known[name] for name in piece.needs if name in known}


def _flat(w: Sequence[Array], parts: Sequence[Tensor]) -> Array:
    """A network's arrays as a row `(1, P)`; raises ValueError where they are not its."""
    shapes = [np.shape(array) for array in w]
    if shapes != [part.shape for part in parts]:
        raise ValueError(f"a point has the shapes {shapes}, not {[part.shape for part in parts]}")
    return np.concatenate([np.ravel(array) for array in w])[None]
