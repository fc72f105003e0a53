"""Layers that a plugin brings: the ones that CONTRIBUTING.md shows, tried as written there."""

import hashlib
import re

import numpy as np
import pytest

from bench.cli import catalogue
from bench.plan.trials import trials
from bench.spec.experiment import load
from nncore.initializers import draw
from nncore.layers import Architecture, layers
from nncore.registry import kept
from nncore.stack.training import train
from tests import ROOT
from tests.problems import assert_same, configuration, fixed, losses_and_gradients, samples

SHOWN = re.search(
    r"## A layer\n.*?```python\n(.*?)```.*?```python\n(.*?)```",
    (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8"),
    re.DOTALL,
)
SOURCE = "import numpy as np\n" + "".join(SHOWN.groups())
LAYERS = ["dense 8", "scale", "leaky_relu slope=0.3", "dense 3", "softmax"]


@pytest.fixture
def plugin(tmp_path):
    path = tmp_path / "mine.py"
    path.write_text(SOURCE)
    with kept(layers):
        yield path


def spec(plugin, **changes):
    problem = {"dataset": "spiral", "epochs": 5, "layers": LAYERS, **changes}
    return load(
        {
            "name": "mine",
            "seeds": 2,
            "plugins": [str(plugin)],
            "problem": problem,
            "optimizer": {"rule": "lamb"},
        }
    )


def test_it_is_read_listed_and_trained(plugin):
    [problem] = spec(plugin).problems
    assert problem.problem.layers == tuple(LAYERS)
    assert layers["scale"].digest == hashlib.sha256(plugin.read_bytes()).hexdigest()
    rows = {row[0]: row[1:] for row in catalogue.rows("layers")}
    assert rows["scale"] == ("A factor for each feature", "start = 1.0", str(plugin))
    assert rows["leaky_relu"][1] == "slope = 0.01"
    net = Architecture.of(LAYERS, 2)
    (_, _), (factors,), _ = net.parts(draw(problem.problem.initializer, net.parameters, 0))
    assert factors.tolist() == [1.0] * 8
    stack = [configuration("lamb", learning_rate=rate) for rate in (0.01, 0.1, 1.0)]
    together = train(problem.problem, stack, [0, 1, 0])
    for one, seed, outcome in zip(stack, [0, 1, 0], together, strict=True):
        assert_same(train(problem.problem, [one], [seed])[0], outcome)
        assert outcome.metrics["train_loss"][-1] != outcome.metrics["train_loss"][0]


@pytest.mark.parametrize("count", [3, 90])
def test_its_gradient_is_the_slope_of_the_loss(plugin, count):
    spec(plugin)
    rng = np.random.default_rng(0)
    X, y = rng.standard_normal((count, 2)), rng.integers(3, size=count)
    w, d = rng.standard_normal((2, Architecture.of(LAYERS, 2).size))
    w /= 3  # no probability is clipped
    points = np.array([w, w + 1e-6 * d, w - 1e-6 * d])
    found, gradients = losses_and_gradients(LAYERS, "categorical_crossentropy", X, y, points)
    np.testing.assert_allclose(d @ gradients[0], (found[1] - found[2]) / 2e-6, rtol=1e-6)


def test_what_follows_its_name_is_told_to_it(plugin):
    """By hand: a weight, a factor, and on the negative side a slope."""
    spec(plugin)
    for start, slope in ((1.0, 0.01), (3.0, 0.25)):
        texts = ["dense 1", f"scale start={start}", f"leaky_relu slope={slope}"]
        net = Architecture.of(texts, 1)
        assert [p.initial for p in net.parameters] == [None, None, start]
        for w, expected in ((2.0, 2 * start), (-2.0, -2 * start * slope)):
            with samples(np.ones((1, 1)), np.zeros((1, 1))) as dataset:
                given = fixed(dataset, texts, "mean_squared_error", [w, 0.0, start])
                [outcome] = train(given, [configuration("sgd", learning_rate=1e-30)], [0])
            assert outcome.metrics["train_loss"][0] == pytest.approx(expected**2, rel=1e-12)


def test_its_source_counts_in_the_keys_of_its_trials_alone(plugin):
    def keys(**changes):
        with kept(layers):
            return [trial.key for trial in trials(spec(plugin, **changes))]

    plain = {"layers": ["dense 8", "relu", "dense 3", "softmax"]}
    mine, others = keys(), keys(**plain)
    plugin.write_text(SOURCE + "\n# edited\n")
    assert keys(**plain) == others
    assert not set(keys()) & set(mine)


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("@layer\ndef f():\n    pass\n", r"write it as def f\(features, ...\)"),
        (
            "@layer\ndef f(features, *, mode='x'):\n    pass\n",
            "default of mode must be a number",
        ),
        ("@layer\ndef relu(features):\n    pass\n", 'already a layer "relu"'),
    ],
)
def test_a_layer_that_cannot_be_registered_is_told_so(tmp_path, code, message):
    path = tmp_path / "wrong.py"
    path.write_text("from nncore.layers import layer\n\n\n" + code)
    with kept(layers), pytest.raises(ValueError, match=message):
        spec(path)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("raise ValueError('only of even sizes')", '"f": only of even sizes'),
        ("return Layer(2 * features)", "in place, 3 inputs make 6 outputs"),
        ("return Layer(features, (Parameter('k', (1, 2, 3)),))", "the parameter k has 3 axes"),
    ],
)
def test_a_layer_that_cannot_be_built_is_a_mistake_of_the_spec(tmp_path, body, message):
    path = tmp_path / "picky.py"
    path.write_text(
        "from nncore.layers import Layer, Parameter, layer\n\n\n"
        f"@layer(in_place=True)\ndef f(features):\n    {body}\n"
    )
    with kept(layers), pytest.raises(ValueError, match=message):
        spec(path, layers=["dense 3", "f", "softmax"])
