"""Optimizers that cannot be run: what is said of their keys, values and ranges."""

import pytest

from tests.spec.mistakes import BOTH, PROBLEM, names, the_only_error

# Lines of the optimizer "adam"; the key of it, the value that is wrong, words of what is right.
LINES = [
    ("beta1 = 0.9", "beta1", "", '"beta_1"'),
    ("momentum = 0.9", "momentum", "momentum", "adam", "beta_1", "epsilon", "sgd"),
    ("learning_rate = 0", "learning_rate", "0", "above 0"),
    ("learning_rate = nan", "learning_rate", "nan", "finite"),
    ("learning_rate = inf", "learning_rate", "inf", "finite"),
    ("learning_rate = true", "learning_rate", "true", "number"),
    ('learning_rate = "0.1"', "learning_rate", '"0.1"', "number"),
    ("learning_rate = []", "learning_rate", "empty list", "one value"),
    ("decay = -0.1", "decay", "-0.1", "at least 0"),
    ("beta_1 = 1", "beta_1", "1", "at least 0", "below 1"),
    ("bias = 0.0", "bias", "0.0", "{ momentum = 0.0 }"),
    ("bias.momentum = 0.0", "bias.momentum", "momentum", "adam", "beta_1", "sgd"),
    ("bias.decay = 0.0", "bias.decay", "", "learning_rate", "beta_1"),
    ("bias.beta_1 = 2", "bias.beta_1", "2", "at least 0", "below 1"),
    ('problems = "spirl"', "problems", '"spirl"', '"spiral"'),
    ("problems = []", "problems", "empty list", "every problem"),
    ("problems = [3]", "problems", "3", "list", '["spiral"]'),
    ("learning_rate = 1e-320", "learning_rate", "1e-320", "0 in float32"),
    ("epsilon = 1e-46", "epsilon", "1e-46", "0 in float32"),
    ("bias.epsilon = 1e-46", "bias.epsilon", "1e-46", "0 in float32"),
    ("epsilon = 1e39", "epsilon", "1e+39", "infinite in float32"),
    ("clip_norm = 1e-46", "clip_norm", "1e-46", "0 in float32"),
    # ranges
    (
        "learning_rate = { lgo = [1, 2], n = 2 }",
        "learning_rate",
        "{ lgo = [1, 2], n = 2 }",
        "{ log = [1e-4, 1.0], n = 9 }",
    ),
    (
        "learning_rate = { log = [1, 2] }",
        "learning_rate",
        "{ log = [1, 2] }",
        "{ log = [1e-4, 1.0], n = 9 }",
    ),
    ("learning_rate = { log = [0, 1], n = 2 }", "learning_rate.log", "[0, 1]", "above 0"),
    ("learning_rate = { log = [2, 1], n = 2 }", "learning_rate.log", "[2, 1]", "lower end first"),
    ("learning_rate = { log = [1], n = 2 }", "learning_rate.log", "[1]", "[low, high]"),
    ("learning_rate = { log = [1, nan], n = 2 }", "learning_rate.log", "[1, nan]", "[low, high]"),
    ("learning_rate = { log = [1, 2], n = 0 }", "learning_rate.n", "0", "whole number", "1"),
    ("learning_rate = { log = [1, 2], n = 1 }", "learning_rate.n", "1", "two ends", "2"),
    ("learning_rate = { log = [1, 2], n = 2.0 }", "learning_rate.n", "2.0", "whole number"),
]
TABLES = [
    (PROBLEM + "[[optimizer]]\ndecay = 0\n", "optimizer #1.rule", "missing", "sgd", "adam"),
    (PROBLEM + '[[optimizer]]\nrule = "adm"\n', "optimizer.adm.rule", '"adm"', '"adam"'),
    (PROBLEM + "[[optimizer]]\nrule = 3\n", "optimizer #1.rule", "3", "name of a rule"),
    (BOTH + "learning_rate = [[1]]\n", "optimizer.adam.learning_rate", "[1]", "flat list"),
    (
        BOTH + 'name = "a"\n[[optimizer]]\nrule = "sgd"\nname = "a"\n',
        "optimizer.a",
        '"a"',
        'name = "..."',
    ),
    (
        BOTH
        + "".join(f"{h} = {{ linear = [0.1, 0.2], n = 9999 }}\n" for h in ("beta_1", "beta_2")),
        "optimizer.adam",
        "99,980,001 configurations",
        "10,000,000",
    ),
]


@pytest.mark.parametrize("row", LINES, ids=str)
def test_a_line_of_an_optimizer(row):
    lines, key, *named = row
    names(the_only_error(f"{BOTH}{lines}\n"), f"optimizer.adam.{key}", *named)


@pytest.mark.parametrize("row", TABLES, ids=str)
def test_tables(row):
    text, *named = row
    names(the_only_error(text), *named)
