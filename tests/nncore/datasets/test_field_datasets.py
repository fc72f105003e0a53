import csv
import itertools
import sys
import types
from dataclasses import replace

import numpy as np
import pytest

from nncore.datasets import content, datasets, default_problem, distance, draw, heights, minima
from nncore.datasets.functions import objective_of
from nncore.datasets.tables import forget
from nncore.stack.paths import path
from nncore.stack.training import train
from nncore.trial import is_random
from tests.problems import assert_same, configuration, problem

FUNCTIONS = [name for name in datasets if datasets[name].kind == "function"]
SHIPPED = ["digits", "breast_cancer", "wine", "diabetes"]


def bowl(x):
    return sum(10 ** (-2 + 2 * i / 9) * a * a / 2 for i, a in enumerate(x))


# The functions as their sources write them, one point at a time, without the shift.
FORMULAS = {
    "quadratic": bowl,
    "noisy_quadratic": bowl,
    "rosenbrock": lambda x: sum(
        100 * (b - a * a) ** 2 + (1 - a) ** 2 for a, b in itertools.pairwise(x)
    ),
    "beale": lambda x: (
        (1.5 - x[0] + x[0] * x[1]) ** 2
        + (2.25 - x[0] + x[0] * x[1] ** 2) ** 2
        + (2.625 - x[0] + x[0] * x[1] ** 3) ** 2
    ),
    "himmelblau": lambda x: (x[0] ** 2 + x[1] - 11) ** 2 + (x[0] + x[1] ** 2 - 7) ** 2,
    "rastrigin": lambda x: 10 * len(x) + sum(a * a - 10 * np.cos(2 * np.pi * a) for a in x),
    "styblinski_tang": lambda x: (
        sum(a**4 - 16 * a * a + 5 * a for a in x) / 2 + 39.16616570377142 * len(x)
    ),
}
# Rule, rate, epochs; parameters; of six starts, how many must end within 0.03 of a lowest point:
# descent finds a near minimum, which need not be the lowest, and Beale's plains have none.
NOISY = {"samples": 40, "condition": 4.0, "noise": 0.1}
DESCENTS = {
    "quadratic": ("sgd", 1.9, 1000, {}, 6),
    "noisy_quadratic": ("schedule_free_sgd", 0.5, 60, NOISY, 6),
    "rosenbrock": ("heavy_ball", 2e-4, 8000, {}, 5),
    "beale": ("adam", 0.02, 3000, {}, 3),
    "himmelblau": ("sgd", 0.005, 1000, {}, 6),
    "rastrigin": ("sgd", 0.001, 1000, {"dimension": 1}, 0),
    "styblinski_tang": ("sgd", 0.01, 1000, {"dimension": 1}, 2),
}


def defined(name, **parameters):
    return {"name": name, **datasets[name].parameters, **parameters}


def digest(definition):
    return content(definition).get("content", "")


def test_every_function_has_a_formula():
    assert list(FORMULAS) == FUNCTIONS


@pytest.mark.parametrize("name", FUNCTIONS)
def test_function_equals_its_formula(name):
    definition = defined(name)
    dimension = minima(definition).shape[1]
    points = np.random.default_rng(0).uniform(-3, 3, (40, dimension))
    expected = [FORMULAS[name](x) for x in points]
    np.testing.assert_allclose(heights(definition, points), expected, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_minima_are_minima(name):
    definition = defined(name)
    lowest = minima(definition)
    assert (np.abs(heights(definition, lowest)) < 1e-20).all()
    for step in (1e-3, 0.1):
        around = lowest + step * np.random.default_rng(0).standard_normal((200, *lowest.shape))
        assert (heights(definition, around) > 0).all()
        nearest = np.linalg.norm(around - lowest, axis=-1)
        found = distance(definition, around)
        assert (found <= nearest + 1e-15).all()
        assert found == pytest.approx(nearest, rel=1e-9) or name == "himmelblau"
    far = np.random.default_rng(1).uniform(-5, 5, (20_000, lowest.shape[1]))
    assert (heights(definition, far) > 0).all()


@pytest.mark.parametrize("name", FUNCTIONS)
def test_gradient_is_the_slope(name):
    definition = defined(name)
    it, rng = objective_of(definition), np.random.default_rng(0)
    dimension = minima(definition).shape[1]
    x, Y = rng.uniform(-2, 2, (2, 3, dimension, 4))
    found, step = np.empty_like(x), 1e-6
    it.gradient(x, Y, found)
    for k in range(dimension):
        ahead, behind = x.copy(), x.copy()
        ahead[:, k] += step
        behind[:, k] -= step
        slope = (it.function(ahead, Y) - it.function(behind, Y)) / (2 * step) / 4
        np.testing.assert_allclose(found[:, k], slope, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", FUNCTIONS)
def test_training_descends_to_a_minimum(name, dtype):
    rule, rate, epochs, given, least = DESCENTS[name]
    trained = problem(name, given, epochs=epochs, record_every=epochs, dtype=dtype)
    assert is_random(trained)
    one, seeds = configuration(rule, learning_rate=rate), range(6)
    outcomes = train(trained, [one] * 6, seeds)
    ends = [path(trained, one, seed)[[0, -1]] for seed in seeds]
    for outcome, (first, last) in zip(outcomes, ends, strict=True):
        assert next(iter(outcome.metrics)) == "train_loss"
        assert not any(metric.endswith("_r2") for metric in outcome.metrics)
        recorded = outcome.metrics["train_loss"]
        np.testing.assert_allclose(
            recorded, heights(trained.dataset, [first, last]), rtol=1e-4, atol=1e-5
        )
    gaps = [float(distance(trained.dataset, last)) for _, last in ends]
    assert sum(gap < 0.03 for gap in gaps) >= least
    assert len({first.tobytes() for first, _ in ends}) == 6


@pytest.mark.parametrize("dimension", [1, 2, 1000])
@pytest.mark.parametrize("condition", [1.0, 1e6])
def test_quadratics_of_any_dimension_and_condition(dimension, condition):
    """Descent shrinks every coordinate at its own rate, through the whole machinery."""
    given = {"dimension": dimension, "condition": condition}
    trained = problem("quadratic", given, epochs=20, record_every=20, dtype="float64")
    points = path(trained, configuration("sgd", learning_rate=0.5), 3)
    curvature = np.geomspace(1 / condition, 1, dimension)
    expected = points[0] * (1 - 0.5 * curvature) ** np.arange(21)[:, None]
    np.testing.assert_allclose(points, expected, rtol=1e-12)
    assert np.abs(points[0]).max() <= 1


@pytest.mark.parametrize("rule", ["sgd", "adam", "shampoo", "lars", "prodigy", "schedule_free_sgd"])
@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_point_s_neighbours_do_not_matter(name, rule):
    trained = problem(name, epochs=10, record_every=5, dtype="float32")
    one = configuration(rule, learning_rate=1e-3)
    together = train(trained, [one] * 3, [0, 1, 2])
    for seed in range(3):
        assert_same(train(trained, [one], [seed])[0], together[seed])


def test_noise_is_centred_and_leaves_the_gap():
    definition = defined("noisy_quadratic", noise=2.0)
    parts = draw(definition, 0)
    assert set(parts) == {"train", "validation", "test"}
    for X, y in parts.values():
        assert X.shape == (100, 0)
        np.testing.assert_allclose(y.mean(axis=0), 0, atol=1e-14)
        assert y.std() == pytest.approx(2, rel=0.1)
    y = parts["train"].y
    x = np.random.default_rng(0).standard_normal(10)
    curvature = np.geomspace(0.01, 1, 10)
    mean = np.mean([np.sum(curvature * (x - row) ** 2) / 2 for row in y])
    least = np.mean([np.sum(curvature * row**2) / 2 for row in y])
    assert heights(definition, x) == pytest.approx(mean - least)


def test_the_objective_is_for_functions():
    with pytest.raises(ValueError, match="spiral has samples"):
        train(problem("spiral", loss="objective"), [configuration("sgd")], [0])
    for name, parameter in [("rosenbrock", 1), ("rastrigin", 0), ("quadratic", 0)]:
        with pytest.raises(ValueError, match=f"dimension = {parameter}"):
            draw(defined(name, dimension=parameter), 0)


def test_shapes_in_the_plane():
    X, y = draw(defined("moons", noise=0.0), 0)["train"]
    np.testing.assert_allclose(np.hypot(*X[y == 0].T), 1)
    np.testing.assert_allclose(np.hypot(*(X[y == 1] - [1, 0.5]).T), 1)
    assert (X[y == 0, 1] >= -1e-15).all()
    assert (X[y == 1, 1] <= 0.5 + 1e-15).all()
    X, y = draw(defined("circles", noise=0.0, factor=0.3), 0)["train"]
    np.testing.assert_allclose(np.hypot(*X.T), np.where(y == 0, 1, 0.3))
    np.testing.assert_allclose(X[y == 0].mean(axis=0), 0, atol=1e-15)
    X, y = draw(defined("xor", noise=0.0), 0)["train"]
    assert set(map(tuple, X[y == 0])) == {(1, 1), (-1, -1)}
    assert set(map(tuple, X[y == 1])) == {(1, -1), (-1, 1)}
    X, y = draw(defined("sine", noise=0.0, periods=3.0), 0)["train"]
    np.testing.assert_allclose(y, np.sin(3 * np.pi * X))
    assert np.abs(X).max() <= 1


@pytest.mark.parametrize("name", ["moons", "circles", "xor", "sine"])
def test_noise_has_its_deviation(name):
    pure, noisy = (draw(defined(name, samples=3000, noise=n), 0)["train"] for n in (0.0, 0.25))
    drift = noisy.y - np.sin(2 * np.pi * noisy.X) if name == "sine" else noisy.X - pure.X
    assert drift.std() == pytest.approx(0.25, rel=0.05)
    assert drift.mean() == pytest.approx(0, abs=0.02)


def test_logistic_regression_is_drawn_from_its_model():
    definition = defined("logistic_regression", samples=20_000, features=4, condition=100.0)
    parts = draw(definition, 0)
    X, y = parts["train"]
    np.testing.assert_allclose(X.std(axis=0), np.geomspace(1, 0.1, 4), rtol=0.05)
    # Newton's method on the training part: the model is right, so its coefficients predict the
    # validation part with the frequencies they say.
    b = np.zeros(4)
    for _ in range(20):
        p = 1 / (1 + np.exp(-X @ b))
        b += np.linalg.solve((X * (p * (1 - p))[:, None]).T @ X, X.T @ (y - p))
    p = 1 / (1 + np.exp(-parts["validation"].X @ b))
    for low in np.arange(0, 1, 0.2):
        inside = (p >= low) & (p < low + 0.2)
        assert parts["validation"].y[inside].mean() == pytest.approx(p[inside].mean(), abs=0.03)
    assert default_problem(definition)["layers"] == ["dense 2", "softmax"]


def test_logistic_regression_is_convex():
    """From anywhere, descent ends at one loss."""
    trained = problem(
        "logistic_regression",
        {"condition": 1.0},
        initializer={"name": "normal", "scale": 1.0},
        epochs=3000,
        record_every=3000,
        dtype="float64",
    )
    found = []
    for scale in (0.1, 1.0, 3.0):
        start = {"name": "normal", "scale": scale, "biases": "same"}
        one = configuration("sgd", learning_rate=1.0)
        [outcome] = train(replace(trained, initializer=start), [one], [0])
        found.append(outcome.metrics["train_loss"][-1])
    assert found == pytest.approx([found[0]] * 3, rel=1e-6)


ROWS = np.c_[np.arange(40.0), np.arange(40.0) ** 2 % 7, np.full(40, 5.0)]
KINDS = np.array(["red", "green", "blue"])[np.arange(40) % 3]


@pytest.fixture
def table(tmp_path):
    def write(rows, name="t.csv", header=("a", "b", "c", "kind"), delimiter=","):
        with open(tmp_path / name, "w", newline="") as file:
            csv.writer(file, delimiter=delimiter).writerows([header, *rows])
        return str(tmp_path / name)

    return write


def rows(targets=KINDS):
    return [[*map(float, row), target] for row, target in zip(ROWS, targets, strict=True)]


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_csv_with_classes(table, delimiter):
    header = ("x, one", '"b"', "c", "kind")  # marks in names separate nothing
    path = table(rows(), header=header, delimiter=delimiter)
    definition = defined("csv", path=path, target="kind")
    parts = draw(definition, 0)
    assert {part: len(X) for part, (X, _) in parts.items()} == {
        "train": 24,
        "validation": 8,
        "test": 8,
    }
    X = parts["train"].X
    np.testing.assert_allclose(X[:, :2].mean(axis=0), 0, atol=1e-14)
    np.testing.assert_allclose(X[:, :2].std(axis=0), 1)
    assert (X[:, 2] == 0).all()  # a constant column
    settings = default_problem(definition)
    assert settings["layers"][-2:] == ["dense 3", "softmax"]
    assert settings["loss"] == "categorical_crossentropy"
    # Sorted: blue, green, red.
    order = np.r_[tuple(y for _, y in parts.values())]
    assert np.bincount(order).tolist() == [13, 13, 14]


def scaled_back(parts, values, part):
    """Undo the standardisation, knowing the whole column."""
    X = np.concatenate([p.X[:, 0] for p in parts.values()])
    slope = (values.max() - values.min()) / (X.max() - X.min())
    return np.round(values.min() + (parts[part].X[:, 0] - X.min()) * slope).astype(int)


def test_the_test_part_is_fixed_and_the_rest_split_by_the_seed(table):
    definition = defined("csv", path=table(rows()), target="kind")
    seen = {}
    for seed in (0, 1, 2):
        parts = draw(definition, seed)
        ids = {part: scaled_back(parts, ROWS[:, 0], part).tolist() for part in parts}
        assert sorted(itertools.chain(*ids.values())) == list(range(40))
        for part in parts:
            expected = [sorted(set(KINDS)).index(KINDS[k]) for k in ids[part]]
            assert parts[part].y.tolist() == expected
        seen[seed] = ids
    assert seen[0]["test"] == seen[1]["test"] == seen[2]["test"]
    assert sorted(seen[0]["validation"]) != sorted(seen[1]["validation"])


def test_scaling_knows_the_training_part_only(table):
    outlier = rows()
    definition = defined("csv", path=table(outlier), target="kind")
    parts = draw(definition, 0)
    held_out = scaled_back(parts, ROWS[:, 0], "test")[0]
    X = parts["train"].X
    assert np.abs(X[:, :2].mean(axis=0)).max() < 1e-14
    whole = np.concatenate([p.X for p in parts.values()])
    assert np.abs(whole[:, :2].mean(axis=0)).max() > 1e-3
    assert held_out in range(40)


def test_regression_targets_are_scaled_too(table):
    definition = defined(
        "csv", path=table(rows(ROWS[:, 0] * 100 + 7)), target="kind", task="regression"
    )
    parts = draw(definition, 0)
    assert parts["train"].y.shape == (24, 1)
    np.testing.assert_allclose(
        [parts["train"].y.mean(), parts["train"].y.std()], [0, 1], atol=1e-14
    )
    np.testing.assert_allclose(parts["test"].y[:, 0], parts["test"].X[:, 0])
    assert default_problem(definition)["layers"][-2:] == ["dense 1", "linear"]
    [outcome] = train(
        problem("csv", definition, epochs=20), [configuration("adam", learning_rate=0.01)], [0]
    )
    assert outcome.metrics["test_r2"][-1] > outcome.metrics["test_r2"][0]


def test_arrays_hold_what_a_csv_holds(table, tmp_path):
    text = defined("csv", path=table(rows(np.arange(40) % 3)), target="kind")
    matrix = np.c_[ROWS, np.arange(40) % 3]
    np.save(tmp_path / "t.npy", matrix)
    np.savez(tmp_path / "t.npz", X=ROWS, y=np.arange(40) % 3, other=KINDS)
    named = np.array([tuple(row) for row in matrix], dtype=[(n, "f8") for n in "abck"])
    np.save(tmp_path / "named.npy", named)
    others = [("t.npy", "-1"), ("t.npy", "3"), ("t.npy", ""), ("t.npz", ""), ("t.npz", "y")]
    expected = draw(text, 5)
    for name, target in [*others, ("named.npy", "k")]:
        definition = defined("csv", path=str(tmp_path / name), target=target)
        assert digest(definition) == digest(text)
        for part, (X, y) in draw(definition, 5).items():
            assert X.tobytes() == expected[part].X.tobytes()
            assert y.tolist() == expected[part].y.tolist()
    names = defined("csv", path=str(tmp_path / "t.npz"), target="other")
    assert digest(names) != digest(text)


def test_content_counts_and_not_its_place(table):
    some, same = (defined("csv", path=table(rows(), n), target="kind") for n in ("a.csv", "b.csv"))
    changed = rows()
    changed[17][0] += 1
    other = defined("csv", path=table(changed, "c.csv"), target="kind")
    assert len(digest(some)) == 64
    assert digest(some) == digest(same) != digest(other)
    assert draw(some, 0)["train"].X.tobytes() == draw(same, 0)["train"].X.tobytes()
    numbers = defined("csv", path=table(rows(np.arange(40) % 3), "d.csv"), target="kind")
    assert digest({**numbers, "target": "b"}) != digest(numbers) != digest(some)
    assert digest({**numbers, "task": "regression"}) != digest(numbers)
    assert digest(defined("spiral")) == ""
    # A file that changes is read again.
    before = digest(some)
    table(changed, "a.csv")
    assert digest(some) == digest(other) != before


BROKEN = [
    ([["1", "2", "3", ""]], {}, 'row 2, column "kind": empty'),
    ([["1", "", "3", "x"]], {}, 'row 2, column "b": empty'),
    ([["1", "2", "3"]], {}, "row 2: 3 cells, the first row has 4"),
    ([["1", "2", "3", "4", "5"]], {}, "row 2: 5 cells"),
    ([["1", "nan", "3", "x"]], {}, 'row 2, column "b": "nan", a missing value'),
    ([["1", "2", "3", "x"], ["1", "2", "-inf", "x"]], {}, 'row 3, column "c": -inf is not finite'),
    ([["1", "2", "three", "x"]], {}, 'row 2, column "c": "three" is not a number'),
    ([], {}, "at least one row"),
    (
        [["1", "2", "3", "x"]],
        {"target": "kin"},
        'no one column "kin"; the columns are a, b, c, kind',
    ),
    ([["1", "2", "3", "x"]], {"target": ""}, "target is missing"),
    ([["1", "2", "3", "x"]], {"task": "regression"}, 'column "kind": "x" is not a number'),
    ([["1", "2", "3", "inf"]], {"task": "regression"}, 'column "kind": inf is not finite'),
    ([["1", "2", "3", "nan"]], {}, 'column "kind": "nan", a missing value'),
    ([["1", "2", "3", "x"]], {"task": "ranking"}, "one of classification, regression"),
    ([["1", "2", "3", "x"]], {}, "all targets are x; classes are at least two"),
    ([["1", "2", "3", x] for x in "xy"], {"test": 1.0}, "test = 1.0: a fraction"),
    (
        [["1", "2", "3", x] for x in "xy"],
        {"test": 0.5, "validation": 0.5},
        "leave none to train on",
    ),
    ([[1, 2, 3, k] for k in range(101)], {}, "101 different targets"),
    ([[1, 2, 3, k + 0.5] for k in range(4)], {}, "4 different targets"),
]


@pytest.mark.parametrize(("lines", "changes", "message"), BROKEN)
def test_what_is_no_table(table, lines, changes, message):
    definition = defined("csv", **{"path": table(lines), "target": "kind", **changes})
    with pytest.raises(ValueError, match=message.replace("(", r"\(")):
        draw(definition, 0)


def test_what_is_no_array(tmp_path):
    cases = {
        "vector.npy": (np.arange(5.0), "-1", "should be"),
        "matrix.npy": (np.ones((5, 3)), "3", "no one column 3; the columns are 0 to 2"),
        "words.npy": (np.ones((5, 3)), "y", 'no one column "y"; the columns are 0 to 2'),
        "hole.npy": (
            np.array([[1.0, np.nan, 0], [1, 2, 1]]),
            "-1",
            "sample 1, column 1: .*missing",
        ),
    }
    for name, (array, target, message) in cases.items():
        np.save(tmp_path / name, array)
        with pytest.raises(ValueError, match=message):
            draw(defined("csv", path=str(tmp_path / name), target=target), 0)
    np.savez(tmp_path / "a.npz", X=np.ones((4, 2)), z=np.ones(4))
    with pytest.raises(ValueError, match='no array "y"; there are X, z'):
        draw(defined("csv", path=str(tmp_path / "a.npz")), 0)
    with pytest.raises(FileNotFoundError):
        draw(defined("csv", path=str(tmp_path / "none.csv"), target="y"), 0)
    with pytest.raises(ValueError, match="path is missing"):
        draw(defined("csv"), 0)
    np.save(tmp_path / "code.npy", np.array([{}], dtype=object), allow_pickle=True)
    with pytest.raises(ValueError, match="pickle"):
        draw(defined("csv", path=str(tmp_path / "code.npy")), 0)


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
