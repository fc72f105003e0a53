"""Tables of numbers in files: what is read, scaled and split, and what is refused."""

import csv
import itertools
import platform
import subprocess
import sys

import numpy as np
import pytest

from nncore.datasets import content, default_problem, draw
from nncore.stack.training import train
from tests import ROOT
from tests.nncore.datasets.test_datasets import defined
from tests.problems import configuration, problem


def digest(definition):
    return content(definition).get("content", "")


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


MEASURED = """
import sys
from nncore.datasets import tables
from nncore.datasets import datasets

def held():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * 4096

def read(path):
    its = {**datasets["csv"].parameters, "name": "csv", "path": path, "target": "kind"}
    return tables.read(its).samples.X

read(sys.argv[1])
before = held()
X = read(sys.argv[2])
print((held() - before) / X.nbytes)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="others cannot be asked to")
def test_what_reading_has_freed_is_given_back(table):
    """The process has grown by the table, not by twice as much."""
    header = [*(f"x{i}" for i in range(100)), "kind"]
    many = [[*range(i, i + 100), "ab"[i % 2]] for i in range(9000)]
    paths = table(many[:10], "few.csv", header), table(many, "many.csv", header)
    command = [sys.executable, "-c", MEASURED, *paths]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT)
    assert 0.9 < float(done.stdout) < 1.5
