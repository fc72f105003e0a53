"""Plugins of a spec: how they are found, and what is said of those that fail."""

import tomllib

import pytest

from bench.spec.experiment import load
from nncore.registry import kept
from nncore.rules import rules
from tests.spec.mistakes import BOTH, PROBLEM, errors, names

RULE = """
from nncore.rules import rule

@rule
def {name}(w, g, t, *, learning_rate=1.0):
    w -= learning_rate * g
"""


def test_plugins_are_found_beside_the_spec_and_named_absolutely(tmp_path):
    (tmp_path / "mine.py").write_text(RULE.format(name="of_a_spec"))
    (tmp_path / "more.py").write_text(RULE.format(name="of_a_command_line"))
    path = tmp_path / "a.toml"
    path.write_text(
        f'plugins = ["mine.py"]\n{PROBLEM}[[optimizer]]\n'
        'rule = ["of_a_spec", "of_a_command_line"]\n'
    )
    found = load(path, plugins=[str(tmp_path / "more.py")])
    assert found.plugins == (tmp_path / "mine.py", tmp_path / "more.py")
    assert [o.rule for o in found.optimizers] == ["of_a_spec", "of_a_command_line"]
    assert load(found.raw) == found


# A plugin; the error that is told, and words of where it is.
FAULTS = [
    ("x = 1\nboom(x)\n", "NameError", "boom.py", "line 2", "boom(x)"),
    ("x = 1\ndef f(:\n", "invalid syntax", "boom.py", "line 2", "def f(:"),
    ("import sys\nsys.exit(3)\n", "SystemExit: 3", "boom.py", "line 2", "sys.exit(3)"),
    ("import no_such_module\n", "ModuleNotFoundError", "boom.py", "line 1"),
    (RULE.format(name="adam"), "ValueError", "boom.py", '"adam"', "built-in"),
    ("\x00", "null bytes", "boom.py"),
    (
        "from nncore.rules import rule\n@rule\ndef broken(weights):\n    pass\n",
        "TypeError",
        "boom.py",
        "broken(w, g, t, *buffers, learning_rate=..., ...)",
    ),
]


@pytest.mark.parametrize("row", FAULTS, ids=range(len(FAULTS)))
def test_a_plugin_that_fails_is_named_with_its_line(tmp_path, row):
    source, *named = row
    path = tmp_path / "boom.py"
    path.write_text(source)
    # A rule that may be the plugin's is not called unknown.
    spec = {"plugins": [str(path)], "problem": {"dataset": "spiral"}, "optimizer": {"rule": "mine"}}
    [error] = errors(spec)
    names(error, "plugins", *named)


@pytest.mark.parametrize(
    "key",
    [
        "problem.dataset=mine",
        "problem.layers=mine",
        "problem.initializer=mine",
        "problem.loss=mine",
        "problem.target.mine=0.5",
        "optimizer.schedule=mine",
        "optimizer.wrap=mine",
        "optimizer.rule=mine",
    ],
)
def test_what_may_be_a_failed_plugin_s_is_no_other_mistake(tmp_path, key):
    path = tmp_path / "boom.py"
    path.write_text("import no_such_module")
    where, _, value = key.partition("=")
    name, first, *rest = where.split(".")
    spec = {"plugins": [str(path)], "problem": {"dataset": "spiral"}, "optimizer": {"rule": "sgd"}}
    named = {"problem.layers": ["mine", "dense 3", "softmax"]}.get(where, value)
    spec[name] = {**spec[name], first: {rest[0]: float(value)} if rest else named}
    [error] = errors(spec)
    names(error, "plugins", "no_such_module")


def test_a_plugin_that_is_not_there(tmp_path):
    spec = tomllib.loads(BOTH)
    path = tmp_path / "none.py"
    [error] = errors(spec, plugins=[path])
    names(error, f"--plugin {path}", str(path), "No such file or directory")
    [error] = errors({**spec, "plugins": [str(tmp_path)]})
    names(error, "plugins", str(tmp_path), "folder", "plain file")


DATASETS = '''
import numpy as np
from nncore.datasets import dataset

@dataset()
def bare(*, size: float = 0):
    """Nothing but data."""
    return np.zeros((2, 1)), np.zeros((2, 1))

@dataset(layers=["dense 1"], initializer="zeros", loss="mean_squared_error", epochs=5)
def raises(*, at=3):
    """Cannot be drawn."""
    return [0] / at

@dataset(layers=["dense 1"], initializer="zeros", loss="mse", epochs="many")
def wrong():
    """Its defaults are wrong."""
    return np.zeros((2, 1)), np.zeros((2, 1))

@dataset(layers=["dense 1"], initializer="zeros", loss="mean_squared_error", epochs=5)
def fine():
    """Has defaults."""
    return np.zeros((2, 1)), np.zeros((2, 1))
'''


def test_datasets_of_plugins_say_what_a_problem_lacks(tmp_path):
    path = tmp_path / "data.py"
    path.write_text(DATASETS)

    def of(name, **keys):
        return {"problem": {"dataset": name, **keys}, "optimizer": {"rule": "sgd"}}

    [named] = load(of("fine"), plugins=[path]).problems
    assert named.problem.initializer == {"name": "zeros", "biases": "zeros"}
    assert named.problem.record_every == 1
    lines = errors(of("bare"), plugins=[path])
    for line, key in zip(lines, ("layers", "initializer", "loss", "epochs"), strict=True):
        names(line, f"problem.bare.{key}", "missing")
    own = {"layers": ["dense 1"], "initializer": "zeros", "loss": "squared_sum", "epochs": 1}
    dataset = {"name": "bare", "size": 0.5}
    [named] = load({**of("bare"), "problem": {**own, "dataset": dataset}}, plugins=[path]).problems
    assert named.problem.dataset == dataset
    [error] = errors(of("raises"), plugins=[path])
    names(error, "problem.raises.dataset", "TypeError", "data.py", "line 13", "return [0] / at")
    loss, epochs = errors(of("wrong", **own), plugins=[path])
    names(loss, "problem.wrong.dataset", '"mse"', '"wrong".loss')
    names(epochs, "problem.wrong.dataset", '"many"', '"wrong".epochs')


@pytest.mark.parametrize(
    "name", ["status", "seed", "final_train_loss", "train_seconds", "schedule"]
)
def test_a_hyperparameter_may_not_be_a_column_of_the_tables(tmp_path, name):
    path = tmp_path / "mine.py"
    text = RULE.format(name="doubled").replace(
        "learning_rate=1.0", f"learning_rate=1.0, {name}=0.5"
    )
    path.write_text(text)
    spec = {**tomllib.loads(PROBLEM), "plugins": [str(path)], "optimizer": {"rule": "doubled"}}
    with kept(rules):
        [error] = errors(spec)
    names(error, "plugins", "mine.py", name, "rule doubled")
