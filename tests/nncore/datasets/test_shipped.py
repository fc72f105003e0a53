"""Data that scikit-learn ships."""

import sys
import types

import numpy as np
import pytest

from nncore.datasets import draw
from nncore.datasets.tables import forget
from nncore.stack.training import train
from tests.nncore.datasets.test_datasets import defined
from tests.problems import configuration, problem

SHIPPED = ["digits", "breast_cancer", "wine", "diabetes"]


@pytest.mark.parametrize("name", SHIPPED)
def test_shipped_data_says_what_it_needs(name, monkeypatch):
    forget()
    monkeypatch.setitem(sys.modules, "sklearn", None)
    with pytest.raises(ValueError, match="pip install scikit-learn"):
        draw(defined(name), 0)


@pytest.mark.parametrize("name", SHIPPED)
def test_shipped_data_is_split_as_any_table(name, monkeypatch):
    """With a stand-in of the same shape: the real data where scikit-learn is installed."""
    forget()
    rng, regression = np.random.default_rng(0), name == "diabetes"
    X = rng.standard_normal((50, 4))
    y = rng.standard_normal(50) if regression else np.arange(50) % 3
    fake = types.ModuleType("sklearn.datasets")
    setattr(fake, f"load_{name}", lambda *, return_X_y: (X, y))
    parent = types.ModuleType("sklearn")
    parent.datasets = fake
    monkeypatch.setitem(sys.modules, "sklearn", parent)
    monkeypatch.setitem(sys.modules, "sklearn.datasets", fake)
    parts = draw(defined(name), 0)
    assert {part: len(X) for part, (X, _) in parts.items()} == {
        "train": 30,
        "validation": 10,
        "test": 10,
    }
    assert parts["train"].y.shape == ((30, 1) if regression else (30,))
    [outcome] = train(problem(name, epochs=2), [configuration("adam")], [0])
    assert set(outcome.metrics) >= {"test_r2" if regression else "test_accuracy"}
    forget()


SIZES = {"digits": (1797, 64, 10), "breast_cancer": (569, 30, 2), "wine": (178, 13, 3)}


@pytest.mark.parametrize("name", SHIPPED)
def test_real_data(name):
    pytest.importorskip("sklearn", reason="scikit-learn is an optional extra")
    forget()
    parts = draw(defined(name), 0)
    count, features, classes = SIZES.get(name, (442, 10, None))
    assert sum(len(X) for X, _ in parts.values()) == count
    assert parts["train"].X.shape[1] == features
    if classes:
        assert set(parts["train"].y) == set(range(classes))
