"""The cells of the documents that print exact numbers, run again by the reference.

`RUNS` has a function for every kind of cell in `bench/documents`: it takes the cell's `run` and the
places of its printed lines, such as `epoch 300`, and returns the texts of these lines, formatted as
on the page.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nncore.reference import exact
from nncore.reference.layers import EXACT, FLOAT64, LOSSES, Arithmetic, Dense, ReLU
from nncore.reference.network import OPTIMIZERS, Network, network, steps

Array = NDArray[Any]
Texts = dict[str, str]  # a line's fields, such as {"loss": "1.099", "accuracy": "0.350"}


def _numbers(places: Iterable[str]) -> list[int]:
    """The numbers in places such as `epoch 300`."""
    return [int(place.split()[-1]) for place in places]


def _text(value: Any) -> str:
    """A number or array as NumPy prints it, runs of blanks as one, as the pages have them."""
    with np.printoptions(precision=8, suppress=False, floatmode="maxprec", legacy=False):
        return " ".join(str(value).split())


def _spiral(run: Mapping[str, Any], places: Sequence[str]) -> list[Texts]:
    """Document 003: a 2-64-3 network on the spiral, full batch, from its place in the stream."""
    stream = np.random.RandomState(0)
    if run["initializer"] == "normal":
        stream.randn(run["normals_before"])
        X, y = _spiral_data(stream)
        weights = [0.01 * _normals(stream, *shape) for shape in ((2, 64), (64, 3))]
    else:
        for _ in range(run["networks_before"]):
            stream.randn(300), stream.rand(2 * 64 + 64 * 3)
        X, y = _spiral_data(stream)
        weights = [stream.rand(2, 64), stream.rand(64, 3)]
    start = [(w, np.zeros((1, w.shape[1]), np.float32)) for w in weights]
    layers = ("dense 64", "relu", "dense 3", "softmax")
    net = network(layers, start, "categorical_crossentropy", EXACT)
    optimizer = OPTIMIZERS[run["rule"]](run["hyperparameters"])
    epochs, lines = _numbers(places), []
    for epoch in steps(net, optimizer, X, y):
        if epoch in epochs:
            values = {
                "loss": float(net.loss.value(net.outputs, y)),
                "accuracy": float(np.mean(np.argmax(net.outputs, axis=1) == y)),
                "learning_rate": optimizer.rate,
            }
            lines.append({k: format(v, run["formats"][k]) for k, v in values.items()})
        if epoch == epochs[-1]:
            break
    return lines


def _normals(stream: np.random.RandomState, *shape: int) -> Array:
    return stream.randn(*shape).astype(np.float32)


def _spiral_data(stream: np.random.RandomState) -> tuple[Array, Array]:
    """Three arms of 100 points: `X` (300, 2) float32, `y` (300,)."""
    n = 100
    arms = []
    radius = np.linspace(0.0, 1, n)
    for arm in range(3):
        angle = np.linspace(arm * 4, (arm + 1) * 4, n) + 0.2 * _normals(stream, n)
        arms.append(np.c_[radius * np.sin(2.5 * angle), radius * np.cos(2.5 * angle)])
    return np.concatenate(arms).astype(np.float32), np.repeat(np.arange(3), n)


def _rates(run: Mapping[str, Any], places: Sequence[str]) -> list[Texts]:
    """Document 003: learning rates that decay with the number of updates made."""
    optimizer = OPTIMIZERS["sgd"]({k: run[k] for k in ("learning_rate", "decay")})
    lines = []
    for optimizer.updates in _numbers(places):
        optimizer.before()
        lines.append({"learning_rate": str(optimizer.rate)})
    return lines


class _ElementwiseDense(Dense):
    """Gradients by elementwise products, as document 002 has them: these are never rounded."""

    def backward(self, gradient: Array) -> Array:
        """For one sample; `(1, outputs)` to `(1, inputs)`."""
        self.weights_gradient = self.inputs.T * gradient
        self.biases_gradient = gradient
        return np.sum(gradient * self.weights, axis=1)[None]


def _two_lanes(a: Array, b: Array) -> Array:
    """The float64 product `(M, K) @ (K, N)`, its even and its odd terms added up apart.

    The order of the BLAS behind document 002. Its layer converges to a loss of 0, to which the last
    bit of a product is many printed digits; one term after another gives only 3 of 10 lines.
    """
    return exact.product(a[:, ::2], b[::2]) + exact.product(a[:, 1::2], b[1::2])


NEURON_ARITHMETIC: Mapping[str, Arithmetic] = {
    "mixed": EXACT,
    "float64": replace(FLOAT64, product=_two_lanes),
}


def _neurons(run: Mapping[str, Any], places: Sequence[str]) -> list[Texts]:
    """Document 002: a layer of ReLU neurons descends from given weights on one sample."""
    arithmetic = NEURON_ARITHMETIC[run["arithmetic"]]
    dense = _ElementwiseDense(np.transpose(run["weights"]), np.array([run["biases"]]), arithmetic)
    net = Network([dense, ReLU()], LOSSES[run["loss"]]())
    optimizer = OPTIMIZERS["sgd"]({"learning_rate": run["learning_rate"]})
    X, y = np.array([run["inputs"]]), np.array([run["targets"]])
    losses = {}
    for update in steps(net, optimizer, X, y):
        if update == run["updates"]:
            break
        losses[f"iteration {update + run['first_iteration']}"] = net.loss.value(net.outputs, y)
    end = {
        "weights": _text(np.squeeze(dense.weights.T)),
        "biases": _text(np.squeeze(dense.biases)),
    }
    return [end if place == "end" else {"loss": str(float(losses[place]))} for place in places]


def _sigmoids(run: Mapping[str, Any], places: Sequence[str]) -> list[Texts]:
    """Document 001: layers of sigmoid neurons that all have the same weights and bias."""
    layers = [text for size in run["layers"] for text in (f"dense {size}", "sigmoid")]
    start = [
        (np.transpose([run["weights"]] * size), np.full((1, size), run["bias"]))
        for size in run["layers"]
    ]
    net = network(layers, start, "mean_squared_error", NEURON_ARITHMETIC["float64"])
    outputs = net.forward(np.array(run["inputs"]))
    return [{"output": str(float(output))} for output in outputs[:, 0]]


def _mean_squared_error(run: Mapping[str, Any], places: Sequence[str]) -> list[Texts]:
    """Document 001: the loss of given outputs."""
    loss = LOSSES["mean_squared_error"]()
    return [{"loss": str(float(loss.value(np.array(run["outputs"]), np.array(run["targets"]))))}]


RUNS: Mapping[str, Callable[[Mapping[str, Any], Sequence[str]], list[Texts]]] = {
    "spiral": _spiral,
    "rates": _rates,
    "neurons": _neurons,
    "sigmoids": _sigmoids,
    "mean_squared_error": _mean_squared_error,
}
