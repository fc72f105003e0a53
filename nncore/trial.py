"""What a trial is: a problem, a configuration, a seed; and what it leaves, an outcome."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from nncore import datasets, initializers
from nncore.modifiers import modifiers
from nncore.registry import Entry
from nncore.rules import Rule, rules
from nncore.values import TABLE, TEXT, YES_OR_NO, many, one_of, whole
from nncore.wrappers import Wrapper, wrappers

# A final loss so many times the constant predictor's has diverged, unless it came down to there.
RUNAWAY = 2.0

Scale = TypeVar("Scale", float, NDArray[np.float64])

MOST_EPOCHS = 1_000_000_000


@dataclass(frozen=True, kw_only=True)
class Problem:
    """What is trained, every parameter filled in.

    `dataset` and `initializer` are `{"name": ..., parameters}`; `batch_size` None: the full batch.
    A field is a key of `[[problem]]` tables, with the values that it may have there. A further one
    has None for its default: what is None is no part of a trial's key.
    """

    dataset: Annotated[Mapping[str, Any], TABLE]
    layers: Annotated[
        tuple[str, ...], many(TEXT).saying('a list of layers such as ["dense 64", "relu"]')
    ]
    initializer: Annotated[Mapping[str, Any], TABLE]
    loss: Annotated[str, TEXT.saying("the name of a loss")]
    batch_size: Annotated[int | None, whole(1)] = None
    shuffle: Annotated[bool, YES_OR_NO]
    epochs: Annotated[int, whole(1, MOST_EPOCHS)]
    record_every: Annotated[int, whole(1, MOST_EPOCHS)]
    dtype: Annotated[str, one_of("float32", "float64")] = "float32"

    @property
    def content(self) -> dict[str, Any]:
        """The fields that it has, as plain data."""
        fields = {name: value for name, value in vars(self).items() if value is not None}
        return {**fields, "layers": list(self.layers)}


@dataclass(frozen=True)
class Configuration:
    """A rule with one value for every hyperparameter, and what modifies its training.

    `hyperparameters` holds the rule's own, `learning_rate`, `decay`, and `bias.NAME` where biases
    have a value of their own; `modifiers` the values of those of `nncore.modifiers` that it has.
    """

    rule: str
    hyperparameters: Mapping[str, float]
    modifiers: Mapping[str, Any] = field(default_factory=dict)

    @property
    def content(self) -> dict[str, Any]:
        """All that it has, as plain data: modifiers beside the rule."""
        return {"rule": self.rule, "hyperparameters": self.hyperparameters, **self.modifiers}

    @property
    def columns(self) -> dict[str, Any]:
        """Its values by the names that tables give them: `learning_rate`, `schedule.warmup`."""
        found: dict[str, Any] = dict(self.hyperparameters)
        for name, value in self.modifiers.items():
            found |= modifiers[name].columns(value)
        return found

    @property
    def pieces(self) -> list[Entry]:
        """The registered pieces that it uses."""
        own = (modifiers[name].pieces(value) for name, value in self.modifiers.items())
        return [rules[self.rule], *itertools.chain.from_iterable(own)]

    @property
    def wrappers(self) -> list[str]:
        """The names of what wraps its rule, the first innermost."""
        return [table["name"] for table in self.modifiers.get("wrap", ())]

    @property
    def name(self) -> str:
        """The rule's name and those of what wraps it: `adam + lookahead`."""
        return " + ".join([self.rule, *self.wrappers])

    @property
    def updating(self) -> list[Rule | Wrapper]:
        """What makes its updates: the rule, and what wraps it."""
        return [rules[self.rule], *(wrappers[name] for name in self.wrappers)]

    @property
    def evaluates(self) -> bool:
        """Whether it evaluates batches more than once an update."""
        return any(piece.evaluates for piece in self.updating)

    @property
    def path(self) -> tuple[Any, ...]:
        """What decides which code it runs through: trials that differ here cannot be stacked."""
        own = tuple(sorted(name for name in self.hyperparameters if name.startswith("bias.")))
        parts = ((name, modifiers[name].path(value)) for name, value in self.modifiers.items())
        return self.rule, own, tuple(sorted(parts))


class Seeds(NamedTuple):
    """The seed of every stream that a trial draws from: its data, its initial parameters, the order
    of its samples, and what its rule draws itself.

    An ordinary trial has one seed for all of them.
    """

    data: int
    start: int
    order: int
    rule: int

    @classmethod
    def of(cls, seed: int | Seeds) -> Seeds:
        """Those of a trial with one seed; several are what they are.

        >>> Seeds.of(3)
        Seeds(data=3, start=3, order=3, rule=3)
        """
        return seed if isinstance(seed, Seeds) else cls(seed, seed, seed, seed)


class Target(NamedTuple):
    """A value that a trial is to reach, and the column of a metric on a part: `train_loss`."""

    column: str
    value: float

    @property
    def identity(self) -> str:
        """What names the epoch at which it is reached.

        >>> Target("train_loss", 0.5).identity
        'time_to_train_loss 0.5'
        """
        return f"time_to_{self.column} {self.value!r}"


@dataclass(frozen=True)
class Outcome:
    """What a trial leaves: how it ended, and its curve.

    `status` is `ok` or `diverged` (whoever runs trials adds `crashed`); `epochs` is `(R,)`, every
    metric of `metrics` too. From the epoch at which a parameter or loss was not finite, losses are
    infinite, accuracy is 0 and R squared minus infinity. `evaluations` (R,) says how often a batch
    had been evaluated for it by then: once an update, or more often, where the rule asks for more.
    `constant` is the training loss of the constant predictor, where there is one. `arrivals` has
    the epoch after which each target was first reached, recorded or not; infinity where none was.
    """

    status: str
    reason: str
    diverged_epoch: int | None
    improved: bool | None
    epochs: NDArray[np.int64]
    metrics: Mapping[str, NDArray[np.float64]]
    evaluations: NDArray[np.int64]
    constant: float | None
    arrivals: Mapping[Target, float]


def recorded_epochs(epochs: int, record_every: int) -> NDArray[np.int64]:
    """The epochs at which metrics are recorded: 0, every `record_every`, and the last.

    >>> recorded_epochs(10, 4).tolist()
    [0, 4, 8, 10]
    """
    every = np.arange(0, epochs + 1, record_every, dtype=np.int64)
    return every if every[-1] == epochs else np.append(every, np.int64(epochs))


def is_random(problem: Problem) -> bool:
    """Whether the seed changes anything: in the data, the initial parameters or the order."""
    return (
        datasets.datasets[problem.dataset["name"]].random
        or initializers.is_random(problem.initializer)
        or problem.shuffle
    )


def runaway(scale: Scale) -> Scale:
    """The final loss above which a run is not where it should be: `RUNAWAY` times what `scale` is.

    There a run that is no lower than it began has diverged; one that is has come down slowly. An
    objective may begin below zero, where twice as much would be less.

    >>> runaway(1.5), runaway(-2.0)
    (3.0, 0.0)
    """
    return scale + (RUNAWAY - 1) * abs(scale)
