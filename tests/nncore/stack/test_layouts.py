"""Layouts differ in where numbers lie, never in what they are."""

import inspect

import numpy as np
import pytest

from nncore.layers import Architecture, Arrays, layers
from nncore.stack import layouts
from nncore.stack.layouts import TrialFirst, TrialLast, choose

pytestmark = pytest.mark.usefixtures("in_a_training")

LAYOUTS = [TrialFirst(), TrialLast()]
# inputs, outputs, samples: thin in either direction, square, single samples, vectors, a remainder.
SHAPES = [(3, 64, 300), (65, 3, 300), (65, 2, 64), (2, 9, 32), (65, 64, 64), (6, 4, 1), (5, 1, 1)]
SHAPES += [(1, 1, 1), (3, 3, 5), (17, 10, 7)]


@pytest.fixture(params=[False, True], ids=["vectors", "small-matrix kernels"])
def _kernels(request, monkeypatch):
    monkeypatch.setattr(layouts, "_has_small_matrix_kernels", lambda: request.param)


def laid_out(layout, values):
    array = layout.empty(values.dtype, *values.shape)
    array[:] = values
    return array


def random(dtype, *shape):
    return np.random.default_rng(len(shape)).standard_normal(shape).astype(dtype)


@pytest.mark.usefixtures("_kernels")
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("layout", LAYOUTS, ids=lambda layout: type(layout).__name__)
def test_products_are_the_sums_they_stand_for(layout, shape, dtype):
    inputs, outputs, samples = shape
    trials = 5
    W, x, d = (
        random(dtype, trials, inputs, outputs),
        random(dtype, trials, inputs, samples),
        random(dtype, trials, outputs, samples) + 1,
    )
    products = [
        (layout.forward, "tio,tin->ton", W, x),
        (layout.gradient, "tin,ton->tio", x, d),
        (layout.backward, "tio,ton->tin", W, d),
    ]
    for product, sums, a, b in products:
        expected = np.einsum(sums, a.astype("float64"), b.astype("float64"))
        scale = np.einsum(sums, abs(a).astype("float64"), abs(b).astype("float64"))
        out = layout.empty(dtype, *expected.shape)
        product(laid_out(layout, a), laid_out(layout, b), out)()
        assert (abs(out - expected) <= 70 * np.finfo(dtype).eps * scale).all()


@pytest.mark.usefixtures("_kernels")
@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("layout", LAYOUTS, ids=lambda layout: type(layout).__name__)
def test_a_product_has_the_same_bits_whatever_the_neighbours(layout, shape):
    inputs, outputs, samples = shape
    arrays = {
        "forward": (random("float32", 19, inputs, outputs), random("float32", 19, inputs, samples)),
        "gradient": (
            random("float32", 19, inputs, samples),
            random("float32", 19, outputs, samples),
        ),
        "backward": (
            random("float32", 19, inputs, outputs),
            random("float32", 19, outputs, samples),
        ),
    }
    sizes = {
        "forward": (outputs, samples),
        "gradient": (inputs, outputs),
        "backward": (inputs, samples),
    }
    for name, (a, b) in arrays.items():
        whole = layout.empty("float32", 19, *sizes[name])
        getattr(layout, name)(laid_out(layout, a), laid_out(layout, b), whole)()
        for rows in ([4, 2], [18, 0, 7], [3] * 17, list(range(16)), [5]):
            if len(rows) >= layout.least:
                out = layout.empty("float32", len(rows), *sizes[name])
                getattr(layout, name)(laid_out(layout, a[rows]), laid_out(layout, b[rows]), out)()
                assert out.tobytes() == whole[rows].tobytes(), (name, rows)


@pytest.mark.parametrize("layout", LAYOUTS, ids=lambda layout: type(layout).__name__)
@pytest.mark.parametrize("trials", [1, 2, 16, 35])
@pytest.mark.parametrize("memory", ["empty", "samples"])
def test_rows_of_a_table_are_gathered_for_every_trial(layout, trials, memory):
    table = random("float32", 40, 3)
    for samples in (1, 11, 1000):
        rows = np.random.default_rng(samples).integers(0, 40, (trials, samples))
        out = getattr(layout, memory)("float32", trials, 3, samples)
        later = np.zeros_like(rows)
        gather = layout.gather(table, later, out)
        later[:] = rows
        gather()
        assert (out == table[rows].transpose(0, 2, 1)).all()


def test_the_choice_follows_from_the_problem_alone():
    assert list(inspect.signature(choose).parameters) == ["architecture", "batch"]
    tiny = Architecture.of(["dense 4", "relu", "dense 4", "relu", "dense 1"], 5)
    assert isinstance(choose(tiny, 1), TrialLast)
    assert isinstance(choose(Architecture.of(["dense 64", "relu", "dense 3"], 2), 300), TrialFirst)
    assert isinstance(choose(tiny, 900), TrialFirst)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("layout", LAYOUTS, ids=lambda layout: type(layout).__name__)
def test_relu_without_its_detours(layout, dtype):
    """`np.maximum(z, 0)` and `d *= y > 0`, also on rows above a row of ones and at the extremes."""
    tiny, largest = np.finfo(dtype).smallest_subnormal, np.finfo(dtype).max
    special = [0.0, -0.0, tiny, -tiny, 1.0, -1.0, largest, -largest, np.inf, -np.inf]
    z = np.resize(np.array(special, dtype), (3, 4, 7))
    full = layout.empty(dtype, 3, 5, 7)
    y, d = full[:, :4], laid_out(layout, random(dtype, 3, 4, 7))
    full[:], y[:] = 1, z
    expected = np.maximum(z, 0)
    relu = Arrays(layout, y.shape[2], x=y, y=y, w=np.empty((3, 0)), d=d)
    forward, backward = layers["relu"].build(4).passes(relu)
    for call in forward:
        call()
    assert (y == expected).all()
    through = np.where(expected > 0, d, 0)
    for call in backward:
        call()
    assert (d == through).all()
    assert (full[:, 4] == 1).all()
