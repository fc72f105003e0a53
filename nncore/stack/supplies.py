"""What rules may ask for beside weights and gradient: random numbers, and the batch again."""

from __future__ import annotations

import copy
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
    """Of `trials` trials: `points`; for every piece that asks, what is each trial's own.

    A generator is a stream that follows from the piece's name and the trial's seed, so that it is
    the same in every configuration: comparisons are paired. A memory is a dictionary, empty at
    first, that goes where its trial goes. `options` are a table a trial, of rules that have them.
    """

    def __init__(
        self,
        pieces: Sequence[Asking],
        seeds: Sequence[int],
        points: Points,
        trials: int,
        options: Sequence[Mapping[str, Any]] = (),
    ) -> None:
        self.points, self._options = points, options
        self._memories: Mapping[str, list[dict[str, Any]]] = {
            piece.name: [{} for _ in range(trials)] for piece in pieces if "memory" in piece.needs
        }
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
        for name, memories in self._memories.items():
            for k, (memory, row) in enumerate(zip(memories, rows, strict=True)):
                kept = other._memories[name][row]
                # Of a trial that is there twice, as padding, one has a copy.
                memory.update(copy.deepcopy(kept) if row in rows[:k] else kept)

    def of_stack(self, piece: Asking) -> dict[str, Any]:
        """For one that sees a whole stack.

        `rng` is a list of generators, one a trial, `memory` one of dictionaries; `gradient(w)`
        takes and gives `(T, P)`, `loss(w)` gives `(T, 1)`; of some alone, `gradient(w, rows)`.
        """

        def loss(w: Array, rows: Sequence[int] | None = None) -> Array:
            return self.points.loss(w, rows)[:, None]

        return _asked(
            piece,
            {
                "rng": self._streams.get(piece.name),
                "gradient": self.points.gradient,
                "loss": loss,
                "memory": self._memories.get(piece.name),
                "options": self._options,
            },
        )

    def of_trial(self, piece: Asking, i: int, parts: Sequence[Tensor]) -> dict[str, Any]:
        """For one that sees trial `i` alone: points and gradients are lists of its `parts`."""

        def gradient(w: Sequence[Array]) -> list[Array]:
            g = self.points.gradient(_flat(w, parts), [i])
            return [part.of(g)[0] for part in parts]

        def loss(w: Sequence[Array]) -> float:
            return float(self.points.loss(_flat(w, parts), [i])[0])

        return _asked(
            piece,
            {
                "gradient": gradient,
                "loss": loss,
                **{
                    key: of_piece[piece.name][i]
                    for key, of_piece in (("rng", self._streams), ("memory", self._memories))
                    if piece.name in of_piece
                },
                **({"options": self._options[i]} if self._options else {}),
            },
        )


def _asked(piece: Asking, known: Mapping[str, Any]) -> dict[str, Any]:
    return {name: known[name] for name in piece.needs if name in known}


def _flat(w: Sequence[Array], parts: Sequence[Tensor]) -> Array:
    """A network's arrays as a row `(1, P)`; raises ValueError where they are not its."""
    shapes = [np.shape(array) for array in w]
    if shapes != [part.shape for part in parts]:
        raise ValueError(f"a point has the shapes {shapes}, not {[part.shape for part in parts]}")
    return np.concatenate([np.ravel(array) for array in w])[None]
