"""Specs that cannot be run: each mistake is one line that says what would be right."""

import pytest
from pandas._libs.parsers import STR_NA_VALUES

from bench.spec.experiment import load
from tests.spec.mistakes import BOTH, OPTIMIZER, PROBLEM, errors, names, the_only_error

# A line before the tables; the key that is told, the value that is wrong, words of what is right.
LINES = [
    ("sedes = 3", "sedes", "", '"seeds"'),
    ('seeds = "x"', "seeds", '"x"', "list"),
    ("seeds = 0", "seeds", "0", "list"),
    ("seeds = true", "seeds", "true", "list"),
    ("seeds = []", "seeds", "empty list", "list"),
    ("seeds = [1, -2]", "seeds", "-2", "list", "0"),
    ("seeds = [1, 2, 1]", "seeds", "1", "distinct"),
    ("seeds = 1_000_000_000", "seeds", "1000000000", "list"),
    ("seeds = { n = 3 }", "seeds", "{ n = 3 }", "list"),
    ('dtype = "float16"', "dtype", '"float16"', '"float32"', '"float64"'),
    ("description = 1979-05-27", "description", "date", "text", "table"),
    ('name = "../x"', "name", '"../x"', "folder name", "separators"),
    ('name = ".x"', "name", '".x"', "folder name", "dot"),
    ('name = "a\\u0007"', "name", r'"a\x07"', "folder name"),
    ('plugins = "x.py"', "plugins", '"x.py"', "list", '["my_rules.py"]'),
    (f"a = {'[' * 20}{']' * 20}", "a", "nested", "8"),
]
TABLES = [
    ("", "problem", "missing", "[[problem]]"),
    ("problem = 3\n" + OPTIMIZER, "problem", "3", "[[problem]]"),
    ("problem = []\n" + OPTIMIZER, "problem", "missing", "[[problem]]"),
    ("problem = [1]\n" + OPTIMIZER, "problem", "1", "[[problem]]"),
    (PROBLEM, "optimizer", "missing", "[[optimizer]]"),
]


@pytest.mark.parametrize("row", LINES, ids=str)
def test_a_line_before_the_tables(row):
    line, *named = row
    names(the_only_error(f"{line}\n{BOTH}"), *named)


@pytest.mark.parametrize("row", TABLES, ids=str)
def test_tables_that_are_not_there(row):
    text, *named = row
    names(the_only_error(text) if text else errors({})[0], *named)


LINE = "spec: problem.a.epochs: is 10; must be a whole number from 1 to 100"


@pytest.mark.parametrize(
    "named",
    [
        ("epochs", "10", "1"),
        ("problem.a", "10", "1"),
        ("problem.b.epochs", "10", "1"),
        ("problem.a.epochs", "1.0", "1"),
        ("problem.a.epochs", "0", "1"),
        ("problem.a.epochs", "10", "10"),
        ("problem.a.epochs", "10", "1", "1000"),
        ("problem.a.epochs", "10", "number", "2"),
    ],
    ids=str,
)
def test_what_a_line_does_not_name_is_seen(named):
    names(LINE, "problem.a.epochs", "10", "whole number", "1", "100")
    with pytest.raises(AssertionError, match=r"is not about|does not"):
        names(LINE, *named)


def test_the_whole_line():
    [error] = errors(
        {"problem": {"dataset": "spiral"}, "optimizer": {"rule": "sgd", "momentun": 0}}
    )
    assert error == 'spec: optimizer.sgd.momentun: no such key; did you mean "momentum"?'


@pytest.mark.parametrize("key", ["dataset", "loss", "layers", "initializer", "epochs"])
def test_the_same_mistake_in_two_tables_is_said_once(key):
    table = {"dataset": "spiral", key: "spirl"}
    spec = {"problem": [table, table], "optimizer": {"rule": "sgd"}}
    lines = [line for line in errors(spec) if f".{key}: " in line]
    assert len(lines) == 1


def test_all_mistakes_at_once(tmp_path):
    path = tmp_path / "wrong.toml"
    path.write_text(
        """
        sedes = 3
        [[problem]]
        dataset = { name = "spiral", samples = 10 }
        batch_size = 64
        epohs = 3
        layers = ["dense 3", "softmx"]
        [[problem]]
        dataset = { name = "vertical", samples = 0 }
        loss = "mse"
        [[optimizer]]
        rule = "sgd"
        learning_rate = [0.1, 0.0]
        momentum = []
        problems = ["spirals"]
        [[optimizer]]
        rule = "adam"
        decay = nan
        """
    )
    found = errors(path, "problem.vertcal.epochs=3")
    keys = [line.removeprefix(f"{path}: ").split(": ")[0] for line in found]
    assert keys == [
        "--set problem.vertcal.epochs=3",
        "sedes",
        "problem.spiral.epohs",
        "problem.spiral.layers",
        "problem.spiral.batch_size",
        "problem.vertical.loss",
        "problem.vertical.dataset",
        "optimizer.sgd.problems",
        "optimizer.sgd.learning_rate",
        "optimizer.sgd.momentum",
        "optimizer.adam.decay",
    ]


@pytest.mark.parametrize("name", sorted(STR_NA_VALUES - {""}))
def test_no_name_is_a_missing_value_to_pandas(name):
    for key in ("problem", "optimizer"):
        tables = {"problem": {"dataset": "spiral"}, "optimizer": {"rule": "sgd"}}
        tables[key]["name"] = name
        [line] = errors(tables)
        assert f"{key}" in line
        assert "missing value" in line
    load({"name": "nan", "problem": {"dataset": "spiral"}, "optimizer": {"rule": "sgd"}})
