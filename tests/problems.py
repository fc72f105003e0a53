"""Problems built from a dataset's defaults, and probes that look into their training."""

import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

import numpy as np

from nncore.datasets import datasets, default_problem
from nncore.initializers import initializers
from nncore.layers import Parameter
from nncore.registry import kept
from nncore.rules import rules
from nncore.stack.training import train
from nncore.trial import Configuration, Problem

# Changes to a problem: how its samples are cut into batches. 7 divides no dataset's samples.
BATCHES = {
    "full": {"batch_size": "full", "shuffle": False},
    "per sample": {"batch_size": 1, "shuffle": True},
    "in order": {"batch_size": 1, "shuffle": False},
    "remainder": {"batch_size": 7, "shuffle": True},
    "remainder in order": {"batch_size": 7, "shuffle": False},
}
# What makes a dataset small, where ten samples a class do not.
FEWER = {"long_tailed": {"classes": 7}}
GENERATED = [name for name in datasets if datasets[name].kind == "generated"]
names = (f"probe_{i}" for i in itertools.count())


def problem(dataset, parameters=None, **changes):
    """The dataset's default problem with `changes`; mini-batches are shuffled by default."""
    definition = {"name": dataset, **datasets[dataset].parameters, **(parameters or {})}
    settings = {**default_problem(definition), **changes}
    batch_size = None if settings["batch_size"] == "full" else settings["batch_size"]
    given = settings["initializer"]
    initializer = {**initializers[given["name"]].parameters, **given}
    if initializer["name"] != "values":
        initializer.setdefault("biases", "zeros")
    return Problem(
        dataset=definition,
        layers=tuple(settings["layers"]),
        initializer=initializer,
        loss=settings["loss"],
        batch_size=batch_size,
        shuffle=settings.get("shuffle", batch_size is not None),
        epochs=settings["epochs"],
        record_every=settings["record_every"],
        dtype=settings.get("dtype", "float32"),
    )


def short(dataset, parameters=None, **changes):
    """As `problem`, on some ten samples a class and for a few epochs."""
    ten = {"samples": 10} if "samples" in datasets[dataset].parameters else {}
    fewer = FEWER.get(dataset, ten)
    changes = {"epochs": 5, "record_every": 2, **changes}
    return problem(dataset, {**fewer, **(parameters or {})}, **changes)


def configuration(rule, **hyperparameters):
    """The rule's defaults, no decay, and `hyperparameters`; `bias__x` stands for `bias.x`."""
    given = {name.replace("__", "."): value for name, value in hyperparameters.items()}
    return Configuration(rule, {**rules[rule].parameters, "decay": 0.0, **given})


def run(trained, *configurations, seed=0):
    """One stack of trials that share a seed."""
    return train(trained, configurations, [seed] * len(configurations))


def assert_same(some, other):
    """Two outcomes are the same, bit for bit."""
    for field in ("status", "reason", "diverged_epoch", "improved", "constant"):
        assert getattr(some, field) == getattr(other, field)
    assert list(some.metrics) == list(other.metrics)
    for curves in ({"epochs": some.epochs}, some.metrics):
        for name, values in curves.items():
            against = other.epochs if name == "epochs" else other.metrics[name]
            assert values.dtype == against.dtype
            assert values.tobytes() == against.tobytes(), name


@contextmanager
def added(registry, like, **changes) -> Iterator[str]:
    """A new entry like entry `like` but for `changes`, under a name of its own, for a while."""
    name = next(names)
    with kept(registry):
        registry.add(replace(registry[like], name=name, **changes))
        yield name


@contextmanager
def samples(X, y, *, validation=None) -> Iterator[str]:
    """A fixed dataset; or, given `validation` (X, y), one whose other parts hold that."""
    if validation is None:
        with added(datasets, "neuron", function=lambda: (X, y)) as name:
            yield name
    else:
        parts = itertools.cycle([(X, y), validation, validation])
        with added(
            datasets, "blobs", function=lambda rng: next(parts), parameters={}, draws=("rng",)
        ) as name:
            yield name


@dataclass(frozen=True)
class Note:
    """Copies of what a rule was given in one update, `(T, P)`; `w` and `buffers` as it left them.

    Hyperparameters have the shape in which they came, but with rules that take tensor by tensor.
    """

    t: int
    before: np.ndarray
    g: np.ndarray
    w: np.ndarray
    buffers: tuple[np.ndarray, ...]
    hyperparameters: dict[str, np.ndarray]

    def followed_by(self, other):
        """This note of some tensors and that of the next in one."""

        def joined(some, more):
            return np.concatenate([x.reshape(len(x), -1) for x in (some, more)], axis=1)

        return Note(
            self.t,
            joined(self.before, other.before),
            joined(self.g, other.g),
            joined(self.w, other.w),
            tuple(joined(*pair) for pair in zip(self.buffers, other.buffers, strict=True)),
            {k: joined(v, other.hyperparameters[k]) for k, v in self.hyperparameters.items()},
        )


@contextmanager
def noted(rule) -> Iterator[tuple[str, list[Note]]]:
    """A copy of a rule that notes its updates."""
    entry, notes = rules[rule], []

    def function(w, g, t, *buffers, **hyperparameters):
        before, gradient = w.copy(), g.copy()
        entry.function(w, g, t, *buffers, **hyperparameters)
        after = tuple(np.array(b) for b in buffers)
        given = {name: np.array(value) for name, value in hyperparameters.items()}
        if entry.per == "tensor":
            given = {name: np.broadcast_to(value, w.shape) for name, value in given.items()}
        note = Note(t, before, gradient, w.copy(), after, given)
        if notes and notes[-1].t == t:
            notes[-1] = notes[-1].followed_by(note)
        else:
            notes.append(note)

    with added(rules, rule, function=function) as name:
        yield name, notes


class Line:
    """An oracle from `gradient(row, point)`: losses are exact where that is affine.

    What it was at `w` (T, P) when `see` was called is 0.
    """

    def __init__(self, gradient):
        self.gradient = gradient

    def see(self, w, g):
        self.w, self.g = np.array(w), np.array(g)

    def __call__(self, rows, points):
        pairs = zip(rows, points, strict=True)
        found = np.array([self.gradient(row, point) for row, point in pairs])
        with np.errstate(all="ignore"):
            mean = (found.astype(float) + self.g[rows]) / 2
            return (mean * (points - self.w[rows])).sum(axis=1), found.astype(self.w.dtype)


def bowl(curvature):
    """An oracle: a parabola for every trial, through the weights and gradient last seen."""
    line = Line(lambda row, point: line.g[row] + curvature * (point - line.w[row]))
    return line


def shapes(layers, features):
    """Inputs and outputs of every dense layer, read off the text."""
    found = []
    for layer in layers:
        if layer.startswith("dense "):
            found.append((features, int(layer.split()[1])))
            features = found[-1][1]
    return found


def dense(layer_shapes):
    """The parameters of dense layers of these (inputs, outputs), in the order of the flat array."""
    return [
        Parameter(name, shape, inputs, outputs)
        for inputs, outputs in layer_shapes
        for name, shape in (("weights", (inputs, outputs)), ("biases", (outputs,)))
    ]


def fixed(dataset, layers, loss, parameters, **changes):
    """A problem on `dataset` that starts from the given flat parameters."""
    initializer = {"name": "values", "values": [float(p) for p in parameters]}
    changes = {"epochs": 1, "record_every": 1, "dtype": "float64", **changes}
    return Problem(
        **{
            "dataset": {"name": dataset},
            "layers": tuple(layers),
            "initializer": initializer,
            "loss": loss,
            "batch_size": None,
            "shuffle": False,
            **changes,
        }
    )


def losses_and_gradients(layers, loss, X, y, points, dtype="float64"):
    """Losses `(M,)` and gradients `(M, P)` at parameters `points` (M, P)."""
    gradients = []

    def visit(w, g, t, *, learning_rate):
        gradients.append(g[0].copy())
        w[:] = points[t % len(points)]

    parameters = {"learning_rate": 1.0}
    with (
        samples(X, y) as dataset,
        added(rules, "sgd", function=visit, parameters=parameters, buffers=()) as rule,
    ):
        trained = fixed(dataset, layers, loss, points[0], epochs=len(points), dtype=dtype)
        [outcome] = train(trained, [Configuration(rule, {"learning_rate": 1.0, "decay": 0.0})], [0])
    return outcome.metrics["train_loss"][: len(points)], np.array(gradients)


def outcome_of_outputs(p, y, loss, activations=("linear",), dtype="float64"):
    """What an untrained network with sums `p` (N, K) gets on targets `y`."""
    features = p.shape[1]
    identity = np.r_[np.eye(features).ravel(), np.zeros(features)]
    with samples(p, y) as dataset:
        trained = fixed(dataset, (f"dense {features}", *activations), loss, identity, dtype=dtype)
        [outcome] = train(trained, [configuration("sgd", learning_rate=1e-30)], [0])
    return outcome


def evaluate(layers, loss, parameters, X, y):
    """Loss and accuracy or R squared of one network, sample by sample, from flat parameters."""
    a, start = X, 0
    for layer in layers:
        name, _, units = layer.partition(" ")
        if name == "dense":
            shape = (a.shape[1], int(units))
            weights = parameters[start : start + shape[0] * shape[1]].reshape(shape)
            start += weights.size
            a = a @ weights + parameters[start : start + shape[1]]
            start += shape[1]
        elif name == "softmax":
            a = np.exp(a) / np.exp(a).sum(axis=1)[:, None]
        else:
            a = {"relu": a.clip(0), "sigmoid": 1 / (1 + np.exp(-a)), "tanh": np.tanh(a)}.get(
                name, a
            )
    if loss == "categorical_crossentropy":
        right = a[np.arange(len(y)), y].clip(1e-7, 1 - 1e-7)
        return -np.log(right).mean(), np.mean(a.argmax(axis=1) == y)
    squares = {
        "mean_squared_error": lambda: ((a - y) ** 2).mean(),
        "half_mean_squared_error": lambda: ((a - y) ** 2).mean() / 2,
        "squared_sum": lambda: np.mean((a - y).sum(axis=1) ** 2),
    }[loss]()
    spread = ((y - y.mean(axis=0)) ** 2).sum()
    return squares, 1 - ((a - y) ** 2).sum() / spread if spread else None
