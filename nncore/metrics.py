"""What is measured of a network on a part of its data: the registry of metrics.

A metric's name, direction, worst value, label and unit stand here alone; tables, targets, criteria
and axes derive from them. A column is a metric on a part, `train_accuracy`. A plugin's metric is a
function under `@metric`, and is everywhere the built-in ones are:

    @metric(better="lower", worst=math.inf, label="mean absolute error", of="numbers")
    def mean_absolute_error(p, Y):
        return np.abs(p - Y).mean(axis=(1, 2))
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nncore.datasets.kinds import PARTS
from nncore.losses import Loss
from nncore.registry import BUILT_IN, Entry, Registry, describe, positional
from nncore.values import NUMBER, TEXT, one_of, such, values_of

Array = NDArray[Any]
F = TypeVar("F", bound=Callable[..., Any])
Better = Literal["lower", "higher"]
Of = Literal["classes", "numbers", "both"]
OF = one_of("classes", "numbers", "both")
PART_WORDS = dict(zip(PARTS, ("training", "validation", "test"), strict=True))


IDENTIFIER = such("an identifier", lambda value: value in TEXT and value.isidentifier())
PRINTABLE = such("a printable text", lambda value: value in TEXT and value.isprintable())
LABEL = such("a printable text", lambda value: value in PRINTABLE and bool(value.strip()))
EXTENDED = such("a number or infinity", lambda value: value in NUMBER or _is_infinite(value))


def _is_infinite(value: Any) -> bool:
    return isinstance(value, float) and math.isinf(value)


@dataclass(frozen=True)
class Quantity:
    """What is to be known of a metric without its code, so that results can be read without it.

    `worst` is what a network that is not finite is worth, `best` what nothing can beat, if there is
    such a value. Axes go as far as `shown`, by default to the worst value. `digest` is that of the
    plugin that measures it; `only` names the one part on which it is measured, if it is not all.
    Raises ValueError where these do not fit together.
    """

    name: Annotated[str, IDENTIFIER]
    better: Annotated[str, one_of("lower", "higher")]
    worst: Annotated[float, EXTENDED]
    label: Annotated[str, LABEL]
    unit: Annotated[str, PRINTABLE] = ""
    best: Annotated[float | None, NUMBER] = None
    shown: Annotated[float | None, NUMBER] = None
    digest: Annotated[str, TEXT] = ""
    only: Annotated[str, one_of("", *PARTS)] = ""

    def __post_init__(self) -> None:
        for field, inside in values_of(Quantity).items():
            value = getattr(self, field)
            if value is not None and value not in inside:
                raise ValueError(f"metric {self.name}: {field} must be {inside.words}")
        if self.best is not None and not self.cost(self.best) < self.cost(self.worst):
            raise ValueError(f"metric {self.name}: its best value is no better than its worst")

    @property
    def identity(self) -> str:
        """Its name, and the digest where code outside the core measures it."""
        return f"{self.name}@{self.digest}" if self.digest else self.name

    @property
    def lower(self) -> bool:
        """Whether less is better."""
        return self.better == "lower"

    @property
    def is_score(self) -> bool:
        """Whether differences are compared and not ratios: it has an end, or more is better."""
        return not self.lower or math.isfinite(self.worst)

    @property
    def end(self) -> float:
        """The worst value that an axis shows; it may be infinite."""
        return self.worst if self.shown is None else self.shown

    def cost(self, values: Any) -> Any:
        """`values` so that less is better."""
        return values if self.lower else -values

    def reached(self, values: ArrayLike, target: ArrayLike) -> NDArray[np.bool_]:
        """Where `values` are as good as the `target`, or better."""
        values = np.asarray(values)
        return np.asarray(values <= target if self.lower else values >= target)

    def axis(self, detail: str = "") -> str:
        """The label with what its numbers are: a `detail`, the unit, or the value that is perfect.

        >>> quantity("accuracy").axis(), quantity("r2").axis(), quantity("loss").axis("nats")
        ('accuracy, share correct', 'R² (1 is perfect)', 'loss (nats)')
        """
        if detail:
            return f"{self.label} ({detail})"
        if self.unit:
            return f"{self.label}, {self.unit}"
        perfect = "" if self.best is None or self.lower else f" ({self.best:g} is perfect)"
        return self.label + perfect


@dataclass(frozen=True)
class Metric(Entry):
    """A metric: what there is to know of it, the targets it is `of`, and its function.

    One that is `asked` for is recorded only where a spec names it among its `instruments`.

    `function(p, Y)` takes the outputs and targets `(T, K, N)` of a whole part; one of a single
    argument, `function(losses)`, the sample losses `(T, N)`. Both give `(T,)`. One of the training
    itself, `on_training`, takes a `Probe` (`nncore.instruments`).
    """

    quantity: Quantity
    of: Of
    arguments: int
    asked: bool = False
    on_training: bool = False

    def applies(self, loss: Loss) -> bool:
        """Whether it says something about a problem with this loss."""
        return self.of == "both" or (loss.scored and loss.classes == (self.of == "classes"))

    def __call__(self, *arrays: Array) -> NDArray[np.float64]:
        """Its values `(T,)` for arrays of `T` trials.

        A plugin's function sees one trial at a time, whose values then cannot depend on the other
        ones, bit for bit, and cannot write to what it sees. Raises ValueError when it returns
        anything but a number for each trial.
        """
        if self.origin == BUILT_IN:
            return np.asarray(self.function(*arrays), dtype=np.float64)
        return np.concatenate(
            [self._alone([a[i : i + 1] for a in arrays]) for i in range(len(arrays[0]))]
        )

    def _alone(self, views: list[Array]) -> NDArray[np.float64]:
        # Functions such as exp may round another way where memory is strided, as it is in stacks.
        arrays = [np.ascontiguousarray(view) for view in views]
        for array in arrays:
            array.flags.writeable = False
        found = np.asarray(self.function(*arrays))
        if found.shape != (1,) or found.dtype.kind not in "fiub":
            raise ValueError(
                f"metric {self.name}: for {len(arrays[0])} trial it returned "
                f"{found.dtype} of shape {found.shape}; it must return a number each, "
                "shape (T,) = (1,)"
            )
        return found.astype(np.float64)


metrics: Registry[Metric] = Registry("metric")


def metric(
    *,
    better: Better,
    worst: float,
    label: str = "",
    unit: str = "",
    of: Of = "both",
    best: float | None = None,
    shown: float | None = None,
    asked: bool = False,
) -> Callable[[F], F]:
    """Register the decorated function as a metric: `@metric(better="higher", worst=0.0)`.

    `label` is by default the name; `of` says whether it applies to problems whose targets are
    "classes", "numbers" or "both". A value that is NaN counts as `worst`, unless all of a trial
    are: then it says nothing about that trial. One to be `asked` for is recorded only where a spec
    has it among its `instruments`. Raises TypeError or ValueError for what is no metric.
    """

    def register(function: F) -> F:
        entry = describe(function)
        name, count = entry["name"], len(positional(function))
        if count not in (1, 2):
            raise TypeError(f"metric {name}: write it as def {name}(p, Y)")
        if of not in OF:
            raise ValueError(f"metric {name}: of must be {OF.words}")
        its_label = label or name.replace("_", " ")
        quantity = Quantity(name, better, worst, its_label, unit, best, shown, entry["digest"])
        metrics.add(Metric(**entry, quantity=quantity, of=of, arguments=count, asked=asked))
        return function

    return register


@metric(better="lower", worst=math.inf, best=0.0)
def loss(losses: Array) -> Array:
    """The problem's loss, mean over samples; what training lowers and divergence is told by."""
    return np.add.reduce(losses, axis=1) / losses.dtype.type(losses.shape[1])


@metric(better="higher", worst=0.0, best=1.0, unit="share correct", of="classes")
def accuracy(p: Array, Y: Array) -> Array:
    """Share of samples whose largest output is that of their class. Document 003."""
    right = p.argmax(axis=1) == Y.argmax(axis=1)
    return np.count_nonzero(right, axis=1) / right.shape[1]


@metric(better="higher", worst=-math.inf, best=1.0, shown=-1.0, label="R²", of="numbers")
def r2(p: Array, Y: Array) -> Array:
    """1 - squared errors / squared deviations of the targets from their means, in float64.

    NaN where all targets are equal. https://en.wikipedia.org/wiki/Coefficient_of_determination
    """
    Y = np.ascontiguousarray(Y, dtype=np.float64)
    total = _sum_of_squares(Y - Y.mean(axis=2, keepdims=True))
    return np.where(total > 0, 1 - _sum_of_squares(p - Y) / total, np.nan)


def _sum_of_squares(values: Array) -> NDArray[np.float64]:
    """Sum over outputs and samples of `(T, K, N)` float64, sample by sample first."""
    return np.add.reduce(np.add.reduce(values * values, axis=2), axis=1)


LOSS = loss.__name__
TRAIN_LOSS = f"train_{LOSS}"


def quantity(name: str) -> Quantity:
    """What is to be known of a registered metric."""
    return metrics[name].quantity


def recorded(digests: Iterable[str] = (), asked: Iterable[str] = ()) -> tuple[Metric, ...]:
    """The metrics that a run records: the built-in ones, then those of plugins with `digests`.

    Of those to be asked for the ones that are `asked` by name, at the end. In an order that does
    not depend on what else this process has loaded before.
    """
    own, always = set(digests), [m for m in metrics.values() if not m.asked]
    mine = [m for m in always if m.origin == BUILT_IN]
    plugins = sorted((m for m in always if m.digest in own), key=lambda m: m.name)
    return (*mine, *plugins, *(metrics[name] for name in sorted(set(asked))))


def applicable(some: Iterable[Metric], loss: Loss) -> tuple[Metric, ...]:
    """Those that say something about a problem with this loss, the loss first."""
    rest = [m for m in some if m.name != LOSS and m.applies(loss)]
    return (metrics[LOSS], *rest)


def columns(quantities: Iterable[Quantity], parts: Iterable[str] = PARTS) -> dict[str, Quantity]:
    """The columns of metrics on parts, in the order of the tables.

    >>> list(columns([quantity("loss"), quantity("r2")], ["train", "test"]))
    ['train_loss', 'test_loss', 'train_r2', 'test_r2']
    """
    parts = tuple(parts)
    return {f"{part}_{q.name}": q for q in quantities for part in parts if q.only in ("", part)}


Columns = Mapping[str, Quantity]
BUILT_IN_COLUMNS: Columns = columns(m.quantity for m in recorded())


def words(column: str, known: Columns = BUILT_IN_COLUMNS) -> str:
    """A column in a sentence.

    >>> words("train_accuracy"), words("validation_r2")
    ('training accuracy', 'validation R²')
    """
    return f"{PART_WORDS[column.partition('_')[0]]} {known[column].label}"
