"""Specs that can be run: what they mean."""

import math
import tomllib

import numpy as np
import pytest

from bench.plan.trials import trials
from bench.spec.expand import points
from bench.spec.experiment import load
from bench.spec.toml import dumps
from tests.spec.mistakes import BOTH, OPTIMIZER, PROBLEM, errors, names, the_only_error


def experiment(text, *overrides):
    return load(tomllib.loads(text), overrides)


@pytest.mark.parametrize("mark", ["", "\ufeff"], ids=["plain", "byte order mark"])
def test_a_file_gives_its_name_and_may_have_windows_lines(tmp_path, mark):
    path = tmp_path / "my quick one.toml"
    path.write_bytes((mark + BOTH).replace("\n", "\r\n").encode())
    assert load(path).name == "my quick one"
    path = path.rename(tmp_path / ".toml")
    [error] = errors(path)
    names(error, "name", '".toml"', "folder name", where=path)


# -- what good specs mean


def test_a_dataset_alone_is_its_documents_problem():
    [named] = experiment(BOTH).problems
    problem = named.problem
    assert (named.name, named.target) == ("spiral", {})
    assert problem.dataset == {"name": "spiral", "samples": 100, "classes": 3, "noise": 0.2}
    assert problem.layers == ("dense 64", "relu", "dense 3", "softmax")
    assert problem.initializer == {"name": "normal", "scale": 0.01, "biases": "zeros"}
    assert (problem.batch_size, problem.shuffle, problem.dtype) == (None, False, "float32")
    assert (problem.epochs, problem.record_every) == (10_001, 100)


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        ("epochs = 1000", {"epochs": 1000, "record_every": 10}),
        ("epochs = 7", {"epochs": 7, "record_every": 1}),
        ("epochs = 7\nrecord_every = 3", {"epochs": 7, "record_every": 3}),
        ("batch_size = 300", {"batch_size": 300, "shuffle": True}),
        ("batch_size = 32\nshuffle = false", {"batch_size": 32, "shuffle": False}),
        ('batch_size = "full"\nshuffle = true', {"batch_size": None, "shuffle": False}),
        ('dtype = "float64"', {"dtype": "float64"}),
        (
            "initializer.scale = 1",
            {"initializer": {"name": "normal", "scale": 1.0, "biases": "zeros"}},
        ),
        ('initializer = "zeros"', {"initializer": {"name": "zeros", "biases": "zeros"}}),
        ('layers = [" dense  3", "softmax "]', {"layers": ("dense 3", "softmax")}),
    ],
)
def test_what_a_problem_says_and_what_follows_from_it(keys, expected):
    [named] = experiment(f"{PROBLEM}{keys}\n{OPTIMIZER}").problems
    assert {key: getattr(named.problem, key) for key in expected} == expected


def test_the_dtype_of_the_spec_is_that_of_problems_without_one():
    text = 'dtype = "float64"\n' + PROBLEM + '[[problem]]\ndataset = "people"\ndtype = "float32"\n'
    assert [p.problem.dtype for p in experiment(text + OPTIMIZER).problems] == [
        "float64",
        "float32",
    ]


def test_targets_have_the_names_of_metrics():
    text = PROBLEM + "target = { loss = 1, accuracy = 0.9, validation_loss = 0.5 }\n" + OPTIMIZER
    assert experiment(text).problems[0].target == {
        "train_loss": 1.0,
        "train_accuracy": 0.9,
        "validation_loss": 0.5,
    }


# What a problem's table says, and the names of the problems it makes.
SEVERAL = [
    ('dataset = "spiral"\nepochs = [5, 50]', ["spiral (epochs=5)", "spiral (epochs=50)"]),
    ('dataset = ["spiral", "vertical"]', ["spiral", "vertical"]),
    ('name = "x"\ndataset = ["spiral", "blobs"]', ["x (dataset=spiral)", "x (dataset=blobs)"]),
    ('dataset = { name = "spiral", samples = { linear = [50, 150], n = 3 } }',
     ["spiral (samples=50)", "spiral (samples=100)", "spiral (samples=150)"]),
    ('dataset = ["spiral", { name = "spiral", noise = 0.1 }]', ["spiral", "spiral (noise=0.1)"]),
    ('dataset = "spiral"\nbatch_size = ["full", "full", 10]',
     ["spiral (batch_size=full)", "spiral (batch_size=10)"]),
    ('dataset = "spiral"\nlayers = [["dense 4", "relu", "dense 3", "softmax"],'
     ' ["dense 8", "relu", "dense 3", "softmax"]]',
     ["spiral (layers=dense 4)", "spiral (layers=dense 8)"]),
    ('dataset = "spiral"\nepochs = [5, 6]\ndtype = ["float32", "float64"]',
     [f"spiral (epochs={e}, dtype={d})" for e in (5, 6) for d in ("float32", "float64")]),
    ('dataset = "spiral"\ninitializer.scale = { log = [0.01, 1.0], n = 3 }',
     ["spiral (scale=0.01)", "spiral (scale=0.1)", "spiral (scale=1.0)"]),
]  # fmt: skip


@pytest.mark.parametrize(("table", "names"), SEVERAL, ids=range(len(SEVERAL)))
def test_lists_in_a_problem_make_several_whose_names_say_what_differs(table, names):
    found = experiment(f"[[problem]]\n{table}\n{OPTIMIZER}").problems
    assert [named.name for named in found] == names
    contents = [str(named.problem) for named in found]
    assert len(set(contents)) == len(contents)


# What an optimizer's table says, and the values of one of its hyperparameters.
VALUES = [
    ("learning_rate = 0.1", "learning_rate", [0.1]),
    ("learning_rate = [0.1, 1, 0.1]", "learning_rate", [0.1, 1.0]),
    ("learning_rate = { log = [1e-4, 1.0], n = 5 }", "learning_rate", [1e-4, 1e-3, 0.01, 0.1, 1.0]),
    ("learning_rate = [5, { log = [0.1, 1], n = 2 }]", "learning_rate", [5.0, 0.1, 1.0]),
    ("learning_rate = { log = [0.1, 0.1], n = 1 }", "learning_rate", [0.1]),
    ("learning_rate = { log = [0.1, 0.1], n = 7 }", "learning_rate", [0.1]),
    ("momentum = { linear = [0, 0.9], n = 4 }", "momentum", [0.0, 0.3, 0.6, 0.9]),
    ("decay = { linear = [0, 1], n = 5 }", "decay", [0.0, 0.25, 0.5, 0.75, 1.0]),
    (
        "momentum = { linear = [0, 0.5], n = 4 }",
        "momentum",
        [0.0, 0.166666666667, 0.333333333333, 0.5],
    ),
    ("momentum = -0.0", "momentum", [0.0]),
    ("bias = { momentum = [0, 0.5] }", "bias.momentum", [0.0, 0.5]),
    ("bias.learning_rate = 2", "bias.learning_rate", [2.0]),
]


@pytest.mark.parametrize(("table", "name", "values"), VALUES, ids=range(len(VALUES)))
def test_the_values_of_a_hyperparameter(table, name, values):
    [optimizer] = experiment(f'{PROBLEM}[[optimizer]]\nrule = "sgd"\n{table}\n').optimizers
    found = [c.hyperparameters[name] for c in optimizer.configurations]
    assert found == values
    assert all(type(value) is float and math.copysign(1, value) == 1 for value in found)


def test_biases_may_have_what_a_rule_of_the_network_lets_vary():
    table = '[[optimizer]]\nrule = "prodigy"\nweight_decay = 0.1\nbias.{} = 0.0\n'
    [optimizer] = experiment(PROBLEM + table.format("weight_decay")).optimizers
    assert optimizer.configurations[0].hyperparameters["bias.weight_decay"] == 0.0
    error = the_only_error(PROBLEM + table.format("epsilon"))
    names(error, "optimizer.prodigy.bias.epsilon", "epsilon", "learning_rate", "weight_decay")


def test_lists_are_crossed_and_defaults_filled_in():
    text = (
        PROBLEM + '[[optimizer]]\nrule = "adam"\nepsilon = [1e-7, 1e-8]\nlearning_rate = [1, 2]\n'
    )
    [optimizer] = experiment(text).optimizers
    found = [c.hyperparameters for c in optimizer.configurations]
    fixed = {"decay": 0.0, "beta_1": 0.9, "beta_2": 0.999}
    assert found == [
        {"learning_rate": rate, **fixed, "epsilon": epsilon}
        for rate in (1.0, 2.0)
        for epsilon in (1e-7, 1e-8)
    ]
    assert list(found[0]) == ["learning_rate", "decay", "beta_1", "beta_2", "epsilon"]


def test_tables_of_one_name_and_rule_are_one_optimizer():
    text = PROBLEM + "".join(
        f'[[optimizer]]\nname = "a"\nrule = "sgd"\nlearning_rate = {rates}\n'
        for rates in ("[0.1, 1.0]", "[1.0, 10]")
    )
    [optimizer] = experiment(text).optimizers
    rates = [c.hyperparameters["learning_rate"] for c in optimizer.configurations]
    assert rates == [0.1, 1.0, 10.0]


def test_tables_without_a_name_have_that_of_their_rule():
    text = PROBLEM + "".join(
        f'[[optimizer]]\nrule = "sgd"\nlearning_rate = {rate}\n' for rate in ("0.1", "1.0")
    )
    [optimizer] = experiment(text).optimizers
    assert (optimizer.name, len(optimizer.configurations)) == ("sgd", 2)


def test_united_tables_may_differ_in_what_biases_have():
    text = PROBLEM + "".join(
        f'[[optimizer]]\nname = "a"\nrule = "sgd"\nbias.{name} = 0.5\n'
        for name in ("momentum", "learning_rate", "momentum")
    )
    [optimizer] = experiment(text).optimizers
    last = [list(c.hyperparameters)[-1] for c in optimizer.configurations]
    assert last == ["bias.momentum", "bias.learning_rate"]


def test_seeds_that_change_nothing_do_not_count():
    text = 'seeds = 1_000_000\n[[problem]]\ndataset = "neuron"\n[[optimizer]]\nrule = "sgd"\n'
    [optimizer] = experiment(text + "learning_rate = { linear = [1, 2], n = 20 }\n").optimizers
    assert len(optimizer.configurations) == 20


def test_linear_ranges_meet_zero():
    assert points("linear", -0.3, 0.6, 4) == [-0.3, 0.0, 0.3, 0.6]


def test_tables_of_one_name_may_have_problems_of_their_own():
    table = '[[optimizer]]\nname = "a"\nrule = "sgd"\nlearning_rate = {}\nproblems = {}\n'
    text = PROBLEM + '[[problem]]\ndataset = "people"\n'
    text += table.format(0.1, ["people"]) + table.format([0.2, 0.1], ["people", "spiral"])
    [optimizer] = experiment(text).optimizers
    rates = [c.hyperparameters["learning_rate"] for c in optimizer.configurations]
    assert rates == [0.1, 0.2]
    assert optimizer.on == {"people": (0, 1), "spiral": (1, 0)}
    planned = trials(experiment(text))
    found = [(t.problem_name, t.configuration.hyperparameters["learning_rate"]) for t in planned]
    assert found == [("spiral", 0.2), ("spiral", 0.1), ("people", 0.1), ("people", 0.2)]


def test_a_list_of_rules_makes_several_optimizers():
    text = '[[optimizer]]\nrule = ["adam", "rmsprop", "adam"]\nlearning_rate = 0.1\n'
    assert [o.name for o in experiment(PROBLEM + text).optimizers] == ["adam", "rmsprop"]
    named = experiment(PROBLEM + text + 'name = "x"\n').optimizers
    assert [o.name for o in named] == ["x (rule=adam)", "x (rule=rmsprop)"]
    error = the_only_error(PROBLEM + text + "beta_1 = 0.5\n")
    names(error, "optimizer #1.beta_1", "beta_1", "rmsprop", "rho", "adam")


def test_an_optimizer_limited_to_problems():
    problems = '[[problem]]\ndataset = "people"\n[[problem]]\ndataset = "spiral"\nepochs = [1, 2]\n'
    every = ("people", "spiral (epochs=1)", "spiral (epochs=2)")
    for limit, expected in [
        ("", every),
        ('problems = "people"', every[:1]),
        ('problems = ["spiral"]', every[1:]),
        ('problems = ["spiral (epochs=2)", "people"]', (every[0], every[2])),
    ]:
        [optimizer] = experiment(problems + OPTIMIZER + limit).optimizers
        assert tuple(optimizer.on) == expected


def test_a_single_table_and_numpy_values_are_accepted():
    found = load(
        {
            "seeds": (4, np.int64(7)),
            "problem": {"dataset": "spiral", "epochs": np.int32(3)},
            "optimizer": {"rule": "sgd", "learning_rate": np.array([0.5, 1.0])},
        }
    )
    assert (found.name, found.seeds, found.problems[0].problem.epochs) == ("experiment", (4, 7), 3)
    assert len(found.optimizers[0].configurations) == 2


# -- TOML


def test_every_control_character_is_escaped():
    text = "".join(map(chr, range(160))) + "\u2028é"
    assert tomllib.loads(dumps({text: [{text: text}]})) == {text: [{text: text}]}


def test_the_spec_as_run_gives_the_same_experiment(tmp_path):
    path = tmp_path / "one.toml"
    path.write_text(
        'description = "a \\"test\\" \\u0001"\n' + BOTH + "learning_rate = [0.1, 1e-05]\n"
    )
    found = load(path, ["problem.spiral.dataset.samples=50"])
    copy = tmp_path / "spec.toml"
    copy.write_text(dumps(found.raw))
    assert load(copy) == found
