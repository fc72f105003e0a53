"""Problems that cannot be trained: what is said of their keys and of what does not go together."""

import pytest

from tests.spec.mistakes import BOTH, OPTIMIZER, PROBLEM, names, the_only_error

# Lines of the problem "spiral"; the key of it, the value that is wrong, words of what is right.
LINES = [
    ("epohs = 3", "epohs", "", '"epochs"'),
    ("epochs = 0", "epochs", "0", "whole number", "1"),
    ("epochs = 1.5", "epochs", "1.5", "whole number"),
    ("epochs = true", "epochs", "true", "whole number"),
    ("epochs = 1" + "0" * 99, "epochs", "20 digits", "1,000,000,000"),
    ("epochs = [1, [2]]", "epochs", "[2]", "flat list"),
    ("record_every = 0", "record_every", "0", "whole number", "1"),
    (
        "epochs = 100_000_000\nrecord_every = 1",
        "record_every",
        "1",
        "100,000,000",
        "1,000,000",
        "100",
    ),
    ("shuffle = 1", "shuffle", "1", "true", "false"),
    ('dtype = "f4"', "dtype", '"f4"', '"float32"', '"float64"'),
    ("batch_size = 0", "batch_size", "0", "1", '"full"'),
    ('batch_size = "ful"', "batch_size", '"ful"', "1", '"full"'),
    ("batch_size = 301", "batch_size", "301", "300", '"full"'),
    # layers, loss, initializer
    ('layers = "dense 3"', "layers", '"dense 3"', "list", '["dense 64", "relu"]'),
    ("layers = []", "layers", "", "begins", '"dense N"'),
    ("layers = [3]", "layers", "3", "list", '["dense 64", "relu"]'),
    ('layers = ["dense 64", ["relu"]]', "layers", "mixes", "one list", "list of lists"),
    ('layers = ["dense 64", "rel", "dense 3", "softmax"]', "layers", '"rel"', '"relu"'),
    ('layers = ["dense 0"]', "layers", '"dense 0"', "1", "1,000,000"),
    (
        'layers = ["dense 2", "softmax"]',
        "layers",
        "2 outputs",
        '"spiral"',
        "3 classes",
        '"dense 3"',
        '"dense 2"',
    ),
    (
        'layers = ["dense 3", "sigmoid"]',
        "layers",
        '"sigmoid"',
        "categorical_crossentropy",
        '"softmax"',
    ),
    (
        'layers = ["dense 1000000", "dense 1000000", "dense 3", "softmax"]',
        "layers",
        "14,908 GiB",
        "4 GiB",
    ),
    (
        'loss = "mean_squared_error"',
        "loss",
        "mean_squared_error",
        "classes",
        "categorical_crossentropy",
    ),
    # What depends on a key that is wrong is not judged by its default.
    ('loss = "mse"\nlayers = ["dense 1"]', "loss", '"mse"', "mean_squared_error"),
    ('loss = "mse"', "loss", '"mse"', "categorical_crossentropy"),
    ('initializer = "norml"', "initializer", '"norml"', '"normal"'),
    ('initializer = { biases = "one" }', "initializer.biases", '"one"', '"zeros"', '"same"'),
    ('initializer = { name = "normal", scal = 1 }', "initializer.scal", "", '"scale"'),
    # targets
    ("target = 0.5", "target", "0.5", "{ loss = 0.5 }"),
    ("target = { los = 1 }", "target.los", "", '"loss"'),
    ("target = { r2 = 0.9 }", "target.r2", "", "loss", "validation_accuracy"),
    ("target = { loss = -1 }", "target.loss", "-1", "at least 0"),
    ("target = { accuracy = 95 }", "target.accuracy", "95", "at most 1"),
    ("target = { loss = 0.5, train_loss = 0.4 }", "target.train_loss", "train_loss", "one"),
]
# Values of `dataset`, and the whole key path.
DATASETS = [
    ("[]", "problem #1.dataset", "empty list", "name", "table"),
    ("3", "problem #1.dataset", "3", "name", "table"),
    ('"spirl"', "problem.spirl.dataset", '"spirl"', '"spiral"'),
    ('{ name = "spiral", sample = 3 }', "problem.spiral.dataset.sample", "", '"samples"'),
    ('{ name = "spiral", samples = 0 }', "problem.spiral.dataset", "samples = 0", "1"),
    ('{ name = "spiral", samples = 2.5 }', "problem.spiral.dataset.samples", "2.5", "whole number"),
    (
        '{ name = "spiral", samples = true }',
        "problem.spiral.dataset.samples",
        "true",
        "whole number",
    ),
    (
        '{ name = "spiral", samples = { linear = [5, 10], n = 3 } }',
        "problem.spiral.dataset.samples",
        "7.5",
        "whole number",
    ),
    ('{ name = "spiral", samples = [] }', "problem.spiral.dataset.samples", "empty list", "value"),
    ('{ name = "spiral", noise = inf }', "problem.spiral.dataset.noise", "inf", "finite"),
    (
        '{ name = "spiral", samples = 1_000_000, classes = 100 }',
        "problem.spiral.dataset",
        "100,000,000",
        "1,000,000",
        "100",
        "10,000,000",
    ),
    ("{ samples = 3 }", "problem #1.dataset.name", "missing", "spiral"),
]
TABLES = [
    ("[[problem]]\nepochs = 3\n" + OPTIMIZER, "problem #1.dataset", "missing", "spiral"),
    (PROBLEM + 'name = ""\n' + OPTIMIZER, "problem #1.name", '""', "1", "100"),
    (PROBLEM + BOTH, "problem.spiral", '"spiral"', 'name = "..."'),
    (
        '[[problem]]\nname = "spiral (epochs=5)"\ndataset = "people"\n'
        + PROBLEM
        + "epochs = [5, 6]\n"
        + OPTIMIZER,
        "problem.spiral",
        '"spiral (epochs=5)"',
        'name = "..."',
    ),
    (
        '[[problem]]\ndataset = "log_linear"\nloss = "categorical_crossentropy"\n' + OPTIMIZER,
        "problem.log_linear.loss",
        "categorical_crossentropy",
        "numbers",
        "mean_squared_error",
    ),
    (
        '[[problem]]\ndataset = "neuron"\ninitializer = { values = [1, 2] }\n' + OPTIMIZER,
        "problem.neuron.initializer.values",
        "2 values",
        "4 parameters",
    ),
]


@pytest.mark.parametrize("row", LINES, ids=str)
def test_a_line_of_a_problem(row):
    lines, key, *named = row
    names(the_only_error(f"{PROBLEM}{lines}\n{OPTIMIZER}"), f"problem.spiral.{key}", *named)


@pytest.mark.parametrize("row", DATASETS, ids=str)
def test_a_dataset(row):
    value, *named = row
    names(the_only_error(f"[[problem]]\ndataset = {value}\n{OPTIMIZER}"), *named)


@pytest.mark.parametrize("row", TABLES, ids=str)
def test_tables(row):
    text, *named = row
    names(the_only_error(text), *named)
