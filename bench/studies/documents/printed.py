"""What the pages print, and at which record of ours each value was taken."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.studies.documents import reproduce


@dataclass(frozen=True)
class Trace:
    """One printed curve: `texts[i]` is the metric at the page's `epochs[i]`, our `records[i]`.

    `problem` and `optimizer` name the tables of the specs that train its like. Ours times `scale`
    is what the page prints: document 004 follows half of the mean squared error and prints all.
    """

    document: str
    cell: int
    problem: str
    optimizer: str
    metric: str
    epochs: NDArray[np.int64]
    records: NDArray[np.int64]
    texts: tuple[str, ...]
    scale: float = 1.0

    @property
    def values(self) -> NDArray[np.float64]:
        """The printed numbers `(E,)`."""
        return np.array(self.texts, dtype=np.float64)

    def until(self, record: float) -> Trace:
        """What is printed up to a record of ours."""
        kept = int(np.count_nonzero(self.records <= record))
        rest = (self.epochs[:kept], self.records[:kept], self.texts[:kept])
        return replace(self, epochs=rest[0], records=rest[1], texts=rest[2])

    @property
    def decimals(self) -> int:
        """To how many decimals the page prints.

        >>> unseeded()[1].decimals, unseeded()[1].texts[-1]
        (3, '0.001')
        """
        return max(len(text.partition(".")[2]) for text in self.texts)


def unseeded() -> list[Trace]:
    """The curves of documents 000, 001 and 004."""
    return [
        _unseeded(number, problem, run)
        for number, page in reproduce.load().items()
        for problem, run in page.get("unseeded", {}).items()
    ]


def _unseeded(document: str, problem: str, run: Mapping[str, Any]) -> Trace:
    texts = tuple(run["loss_printed"])
    every = np.arange(len(texts)) * run.get("printed_every", 1)
    epochs = np.array(run.get("epochs_printed", every), dtype=np.int64)
    # A loss printed before the update belongs to the updates before the loop and the epochs so far.
    made = run.get("updates_before", 0) if run["printed"] == "before the update" else 1
    scale = 2.0 if run.get("loss_shown", run["loss"]) != run["loss"] else 1.0
    found = (document, run["cell"], problem, "sgd", "train_loss", epochs, epochs + made)
    return Trace(*found, texts, scale)


def spirals() -> list[Trace]:
    """The loss and the accuracy of document 003's ten training cells, printed before the update."""
    found = []
    for cell in training_cells():
        start = cell["run"]["initializer"]
        problem = "spiral" if start == "normal" else "spiral, uniform start"
        for metric in ("loss", "accuracy"):
            lines = [line for line in cell["lines"] if metric in line and line.get("cut") != metric]
            epochs = np.array([int(line["at"].split()[1]) for line in lines])
            texts = tuple(line[metric] for line in lines)
            place = ("003", cell["cell"], problem, cell["what"], f"train_{metric}")
            found.append(Trace(*place, epochs, epochs, texts))
    return found


def training_cells() -> list[dict[str, Any]]:
    """Document 003's cells that train and print more than their first loss."""
    cells = reproduce.load()["003"]["cells"]
    return [c for c in cells if c["run"]["kind"] == "spiral" and len(c["lines"]) > 1]
