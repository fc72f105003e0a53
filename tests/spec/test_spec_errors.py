"""Specs that cannot be run: each mistake is one line that says what would be right."""

import os
import tomllib

import pytest

from bench.spec.experiment import SpecError, load

PROBLEM = '[[problem]]\ndataset = "spiral"\n'
OPTIMIZER = '[[optimizer]]\nrule = "adam"\n'
BOTH = PROBLEM + OPTIMIZER


def errors(source, *overrides, plugins=()):
    with pytest.raises(SpecError) as caught:
        load(source, overrides, plugins)
    assert str(caught.value).splitlines() == caught.value.errors
    return caught.value.errors


def the_only_error(text, *overrides):
    [error] = errors(tomllib.loads(text), *overrides)
    return error.removeprefix("spec: ")


# A spec, and the one line that is said about it.
BAD = [
    # the top level
    ("", "problem: is missing; write at least one [[problem]] table"),
    ("sedes = 3\n" + BOTH, 'sedes: no such key; did you mean "seeds"?'),
    ('seeds = "x"\n' + BOTH, 'seeds: is "x"; must be how many seeds (20 means 0 to 19), or a list'),
    ("seeds = 0\n" + BOTH, "seeds: is 0; must be how many seeds"),
    ("seeds = true\n" + BOTH, "seeds: is true; must be"),
    ("seeds = []\n" + BOTH, "seeds: is an empty list; must be"),
    ("seeds = [1, -2]\n" + BOTH, "seeds: is -2; must be"),
    ("seeds = [1, 2, 1]\n" + BOTH, "seeds: has 1 more than once; seeds must be distinct"),
    ("seeds = 1_000_000_000\n" + BOTH, "seeds: is 1000000000; must be"),
    ("seeds = { n = 3 }\n" + BOTH, "seeds: is { n = 3 }; must be"),
    ('dtype = "float16"\n' + BOTH, 'dtype: is "float16"; must be "float32" or "float64"'),
    ("description = 1979-05-27\n" + BOTH, "description: is a date or time; must be text, a number"),
    ('name = "../x"\n' + BOTH, 'name: is "../x"; must be a plain folder name'),
    ('name = ".x"\n' + BOTH, 'name: is ".x"; must be a plain folder name'),
    ('name = "a\\u0007"\n' + BOTH, "must be a plain folder name: no separators, no leading dot"),
    ("problem = 3\n" + OPTIMIZER, "problem: is 3; must be [[problem]] tables"),
    ("problem = []\n" + OPTIMIZER, "problem: is missing; write at least one [[problem]] table"),
    ("problem = [1]\n" + OPTIMIZER, "problem: is 1; must be [[problem]] tables"),
    (PROBLEM, "optimizer: is missing; write at least one [[optimizer]] table"),
    ('plugins = "x.py"\n' + BOTH, 'plugins: is "x.py"; must be a list of files'),
    ("a = " + "[" * 20 + "]" * 20 + "\n" + BOTH, "a: is nested too deeply; at most 8 levels"),
    # problems: their keys
    ("[[problem]]\nepochs = 3\n" + OPTIMIZER, "problem #1.dataset: is missing; known: spiral, "),
    ("[[problem]]\ndataset = []\n" + OPTIMIZER, "problem #1.dataset: is an empty list; must be a"),
    (
        "[[problem]]\ndataset = 3\n" + OPTIMIZER,
        "problem #1.dataset: is 3; must be a name or a tabl",
    ),
    (
        '[[problem]]\ndataset = "spirl"\n' + OPTIMIZER,
        'problem.spirl.dataset: there is no dataset "spirl"; did you mean "spiral"?',
    ),
    (PROBLEM + "epohs = 3\n" + OPTIMIZER, 'spiral.epohs: no such key; did you mean "epochs"?'),
    (PROBLEM + "epochs = 0\n" + OPTIMIZER, "spiral.epochs: is 0; must be a whole number from 1 to"),
    (PROBLEM + "epochs = 1.5\n" + OPTIMIZER, "spiral.epochs: is 1.5; must be a whole number"),
    (PROBLEM + "epochs = true\n" + OPTIMIZER, "spiral.epochs: is true; must be a whole number"),
    (PROBLEM + "epochs = 1" + "0" * 99 + "\n" + OPTIMIZER, "is a number of more than 20 digits; m"),
    (PROBLEM + "epochs = [1, [2]]\n" + OPTIMIZER, "spiral.epochs: has a list within a list, [2]"),
    (PROBLEM + "record_every = 0\n" + OPTIMIZER, "spiral.record_every: is 0; must be a whole"),
    (
        PROBLEM + "epochs = 100_000_000\nrecord_every = 1\n" + OPTIMIZER,
        "record_every: 1 makes 100,000,000 records a trial; at most 1,000,000, so at least 100",
    ),
    (PROBLEM + "shuffle = 1\n" + OPTIMIZER, "spiral.shuffle: is 1; must be true or false"),
    (PROBLEM + 'dtype = "f4"\n' + OPTIMIZER, 'spiral.dtype: is "f4"; must be "float32" or'),
    (PROBLEM + "batch_size = 0\n" + OPTIMIZER, 'is 0; must be a whole number from 1, or "full"'),
    (PROBLEM + 'batch_size = "ful"\n' + OPTIMIZER, 'batch_size: is "ful"; must be a whole number'),
    (
        PROBLEM + "batch_size = 301\n" + OPTIMIZER,
        "batch_size: is 301, the training data have 300 samples; must be at most 300, or",
    ),
    (PROBLEM + 'name = ""\n' + OPTIMIZER, 'problem #1.name: is ""; must be a text of 1 to 100'),
    (
        PROBLEM + PROBLEM + OPTIMIZER,
        'problem.spiral: there is another problem "spiral"; give each table a name of its own',
    ),
    (
        '[[problem]]\nname = "spiral (epochs=5)"\ndataset = "people"\n'
        + PROBLEM
        + "epochs = [5, 6]\n"
        + OPTIMIZER,
        'problem.spiral: there is another problem "spiral (epochs=5)"; give each table a name',
    ),
    # problems: the dataset's parameters
    (
        '[[problem]]\ndataset = { name = "spiral", sample = 3 }\n' + OPTIMIZER,
        'problem.spiral.dataset.sample: no such key; did you mean "samples"?',
    ),
    (
        '[[problem]]\ndataset = { name = "spiral", samples = 0 }\n' + OPTIMIZER,
        "problem.spiral.dataset: samples = 0: at least 1",
    ),
    (
        '[[problem]]\ndataset = { name = "spiral", samples = 2.5 }\n' + OPTIMIZER,
        "problem.spiral.dataset.samples: is 2.5; must be a whole number",
    ),
    (
        '[[problem]]\ndataset = { name = "spiral", samples = true }\n' + OPTIMIZER,
        "problem.spiral.dataset.samples: is true; must be a whole number",
    ),
    (
        '[[problem]]\ndataset = { name = "spiral", samples = { linear = [5, 10], n = 3 } }\n'
        + OPTIMIZER,
        "problem.spiral.dataset.samples: is 7.5; must be a whole number",
    ),
    (
        '[[problem]]\ndataset = { name = "spiral", samples = [] }\n' + OPTIMIZER,
        "problem.spiral.dataset.samples: is an empty list; needs at least one value",
    ),
    (
        '[[problem]]\ndataset = { name = "spiral", noise = inf }\n' + OPTIMIZER,
        "problem.spiral.dataset.noise: is inf; must be a finite number",
    ),
    (
        '[[problem]]\ndataset = { name = "spiral", samples = 1_000_000, classes = 100 }\n'
        + OPTIMIZER,
        "dataset: samples 1,000,000 x classes 100 is 100,000,000 values; at most 10,000,000",
    ),
    (
        "[[problem]]\ndataset = { samples = 3 }\n" + OPTIMIZER,
        "dataset.name: is missing; known: spi",
    ),
    # problems: layers, loss, initializer
    (
        PROBLEM + 'layers = "dense 3"\n' + OPTIMIZER,
        'layers: is "dense 3"; must be a list of layers',
    ),
    (
        PROBLEM + "layers = []\n" + OPTIMIZER,
        "spiral.layers: a network begins with a dense layer",
    ),
    (PROBLEM + "layers = [3]\n" + OPTIMIZER, "spiral.layers: is 3; must be a list of layers such"),
    (
        PROBLEM + 'layers = ["dense 64", ["relu"]]\n' + OPTIMIZER,
        "layers: mixes values and lists; write one list, or a list of lists",
    ),
    (
        PROBLEM + 'layers = ["dense 64", "rel", "dense 3", "softmax"]\n' + OPTIMIZER,
        'spiral.layers: there is no layer "rel": did you mean "relu"?',
    ),
    (PROBLEM + 'layers = ["dense 0"]\n' + OPTIMIZER, '"dense 0": a dense layer has 1 to 1,000,000'),
    (
        PROBLEM + 'layers = ["dense 2", "softmax"]\n' + OPTIMIZER,
        'the network has 2 outputs, the dataset "spiral" 3 classes; make the last dense layer '
        '"dense 3" instead of "dense 2"',
    ),
    (
        PROBLEM + 'layers = ["dense 3", "sigmoid"]\n' + OPTIMIZER,
        'categorical_crossentropy needs probabilities, the last layer is "sigmoid"; end the layers '
        'with "softmax"',
    ),
    (
        PROBLEM + 'layers = ["dense 1000000", "dense 1000000", "dense 3", "softmax"]\n' + OPTIMIZER,
        "GiB a trial; at most 4 GiB",
    ),
    (
        PROBLEM + 'loss = "mean_squared_error"\n' + OPTIMIZER,
        'spiral.loss: mean_squared_error needs numbers as targets, the dataset "spiral" has classes'
        "; use categorical_crossentropy",
    ),
    (
        '[[problem]]\ndataset = "log_linear"\nloss = "categorical_crossentropy"\n' + OPTIMIZER,
        'categorical_crossentropy needs classes as targets, the dataset "log_linear" has numbers',
    ),
    # What depends on a key that is wrong is not judged by its default.
    (PROBLEM + 'loss = "mse"\nlayers = ["dense 1"]\n' + OPTIMIZER, 'there is no loss "mse"; known'),
    (PROBLEM + 'loss = "mse"\n' + OPTIMIZER, 'spiral.loss: there is no loss "mse"; known: categor'),
    (
        PROBLEM + 'initializer = "norml"\n' + OPTIMIZER,
        'initializer: there is no initializer "norml"; did you mean "normal"?',
    ),
    (
        PROBLEM + 'initializer = { biases = "one" }\n' + OPTIMIZER,
        'spiral.initializer.biases: is "one"; must be "zeros" or "same"',
    ),
    (
        PROBLEM + 'initializer = { name = "normal", scal = 1 }\n' + OPTIMIZER,
        'spiral.initializer.scal: no such key; did you mean "scale"?',
    ),
    (
        '[[problem]]\ndataset = "neuron"\ninitializer = { values = [1, 2] }\n' + OPTIMIZER,
        "neuron.initializer.values: 2 values given, the network has 4 parameters",
    ),
    # problems: targets
    (
        PROBLEM + "target = 0.5\n" + OPTIMIZER,
        "target: is 0.5; must be a table such as { loss = 0.5",
    ),
    (PROBLEM + "target = { los = 1 }\n" + OPTIMIZER, 'los: no such metric; did you mean "loss"?'),
    (PROBLEM + "target = { r2 = 0.9 }\n" + OPTIMIZER, "target.r2: no such metric; known: loss, "),
    (PROBLEM + "target = { loss = -1 }\n" + OPTIMIZER, "target.loss: is -1; must be at least 0"),
    (PROBLEM + "target = { accuracy = 95 }\n" + OPTIMIZER, "accuracy: is 95; must be at most 1"),
    (
        PROBLEM + "target = { loss = 0.5, train_loss = 0.4 }\n" + OPTIMIZER,
        "target.train_loss: is train_loss, which is there already; keep one",
    ),
    # optimizers
    (
        PROBLEM + "[[optimizer]]\ndecay = 0\n",
        "optimizer #1.rule: is missing; known: sgd, heavy_ball",
    ),
    (
        PROBLEM + '[[optimizer]]\nrule = "adm"\n',
        'optimizer.adm.rule: there is no rule "adm"; did you mean "adam"?',
    ),
    (PROBLEM + "[[optimizer]]\nrule = 3\n", "optimizer #1.rule: is 3; must be the name of a rule"),
    (BOTH + "beta1 = 0.9\n", 'optimizer.adam.beta1: no such key; did you mean "beta_1"?'),
    (
        BOTH + "momentum = 0.9\n",
        "optimizer.adam.momentum: adam has no momentum, it has learning_rate, decay, beta_1, "
        "beta_2, epsilon; momentum belongs to sgd",
    ),
    (BOTH + "learning_rate = 0\n", "optimizer.adam.learning_rate: is 0; must be above 0"),
    (BOTH + "learning_rate = nan\n", "learning_rate: is nan; must be a finite number"),
    (BOTH + "learning_rate = inf\n", "learning_rate: is inf; must be a finite number"),
    (BOTH + "learning_rate = true\n", "learning_rate: is true; must be a finite number"),
    (BOTH + 'learning_rate = "0.1"\n', 'learning_rate: is "0.1"; must be a finite number'),
    (BOTH + "learning_rate = []\n", "learning_rate: is an empty list; needs at least one value"),
    (BOTH + "learning_rate = [[1]]\n", "has a list within a list, [1]; write one flat list"),
    (BOTH + "decay = -0.1\n", "optimizer.adam.decay: is -0.1; must be at least 0"),
    (BOTH + "beta_1 = 1\n", "optimizer.adam.beta_1: is 1; must be at least 0 and below 1"),
    (BOTH + "bias = 0.0\n", "bias: is 0.0; must be a table such as { momentum = 0.0 }"),
    (
        BOTH + "bias.momentum = 0.0\n",
        "bias.momentum: adam has no momentum, it has learning_rate, be",
    ),
    (BOTH + "bias.decay = 0.0\n", "optimizer.adam.bias.decay: no such key; known: learning_rate"),
    (BOTH + "bias.beta_1 = 2\n", "bias.beta_1: is 2; must be at least 0 and below 1"),
    (BOTH + 'problems = "spirl"\n', 'there is no problem "spirl"; did you mean "spiral"?'),
    (BOTH + "problems = []\n", "problems: is an empty list; leave it out to run on every problem"),
    (BOTH + "problems = [3]\n", 'problems: is 3; must be a list of problems such as ["spiral"]'),
    (BOTH + "learning_rate = 1e-320\n", "learning_rate: is 1e-320, which is 0 in float32"),
    (BOTH + "epsilon = 1e-46\n", "optimizer.adam.epsilon: is 1e-46, which is 0 in float32"),
    (BOTH + "bias.epsilon = 1e-46\n", "adam.bias.epsilon: is 1e-46, which is 0 in float32"),
    (BOTH + "epsilon = 1e39\n", "optimizer.adam.epsilon: is 1e+39, which is infinite in float32"),
    (
        BOTH + 'name = "a"\n[[optimizer]]\nrule = "sgd"\nname = "a"\n',
        'optimizer.a: there is another optimizer "a"; give each table a name of its own, name',
    ),
    # ranges
    (
        BOTH + "learning_rate = { lgo = [1, 2], n = 2 }\n",
        "a range such as { log = [1e-4, 1.0], n =",
    ),
    (BOTH + "learning_rate = { log = [1, 2] }\n", "must be a value, a list or a range such as"),
    (
        BOTH + "learning_rate = { log = [0, 1], n = 2 }\n",
        ".log: is [0, 1]; both ends must be above",
    ),
    (
        BOTH + "learning_rate = { log = [2, 1], n = 2 }\n",
        "is [2, 1]; must have the lower end first",
    ),
    (
        BOTH + "learning_rate = { log = [1], n = 2 }\n",
        ".log: is [1]; must be two numbers, [low, hi",
    ),
    (BOTH + "learning_rate = { log = [1, nan], n = 2 }\n", "is [1, nan]; must be two numbers"),
    (
        BOTH + "learning_rate = { log = [1, 2], n = 0 }\n",
        "rate.n: is 0; must be a whole number fro",
    ),
    (BOTH + "learning_rate = { log = [1, 2], n = 1 }\n", "rate.n: is 1; a range with two ends has"),
    (
        BOTH + "learning_rate = { log = [1, 2], n = 2.0 }\n",
        "rate.n: is 2.0; must be a whole number",
    ),
    (
        BOTH
        + "".join(f"{h} = {{ linear = [0.1, 0.2], n = 9999 }}\n" for h in ("beta_1", "beta_2")),
        "adam: 99,980,001 configurations with all problems and seeds bring the spec to 99,980,001 ",
    ),
]


@pytest.mark.parametrize(("text", "message"), BAD, ids=range(len(BAD)))
def test_a_mistake_is_one_line_that_says_what_would_be_right(text, message):
    assert message in (errors({})[0] if not text else the_only_error(text))


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


# What is in the file, and what is said about it.
FILES = [
    (b"", "is empty; a spec has [[problem]] and [[optimizer]] tables"),
    (b" \n\t\n", "is empty; a spec has"),
    (b"\x00\x01", "is not a text file (it has null bytes); save it as UTF-8 text"),
    (b"seeds = 3\nname = '\xff'", "is not UTF-8 (byte 0xff on line 2); save it as UTF-8 text"),
    ("seeds = 3".encode("utf-16"), "is not a text file"),
    (b"seeds = 3\nseeds = 4\n", 'line 2: "seeds = 4": is given twice; keep one'),
    (b"[problem]\n[problem]\n", 'line 2: "[problem]": is given twice; keep one'),
    (b"seeds = \n", 'line 1: "seeds =": Invalid value'),
    (b"seeds = [1,\n", 'line 1: "seeds = [1,": '),
    (b"#" * 1_100_000, "is larger than 1,000,000 bytes; a spec is a short TOML file"),
    (b"a = " + b"[" * 20_000, "lists or tables are nested too deeply"),
    (b"a." * 100_000 + b"b = 1", "a dotted key has more than 32 parts"),
    (b"a = " + b"1" * 5000, "is not TOML: Exceeds the limit"),
]


@pytest.mark.parametrize(("content", "message"), FILES, ids=range(len(FILES)))
def test_a_file_that_is_no_spec(tmp_path, content, message):
    path = tmp_path / "bad.toml"
    path.write_bytes(content)
    [error] = errors(path)
    assert error.startswith(f"{path}: ")
    assert message in error


def test_no_file(tmp_path):
    (tmp_path / "quick.toml").touch()
    [error] = errors(tmp_path / "quik.toml")
    assert error == f"{tmp_path / 'quik.toml'}: there is no such file; {tmp_path} has quick.toml"
    [error] = errors(tmp_path)
    assert error == f"{tmp_path}: is a folder; a spec is a TOML file"
    [error] = errors("\0")
    assert "cannot be read" in error


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_a_file_that_may_not_be_read(tmp_path):
    path = tmp_path / "locked.toml"
    path.touch(mode=0o000)
    [error] = errors(path)
    assert error == f"{path}: cannot be read: Permission denied"


def test_values_that_toml_does_not_have():
    found = errors({"name": None, "seeds": {1: 2}, "problem": object, "description": "\ud800"})
    assert [line.split(";")[0] for line in found] == [
        "spec: name: is NoneType",
        "spec: seeds: has the key 1",
        "spec: problem: is type",
        "spec: description: has half of a surrogate pair",
    ]
    endless: dict = {}
    endless["a"] = endless
    assert "nested too deeply" in errors(endless)[0]


# -- overrides

BAD_SET = [
    ("seeds", "--set seeds: is not KEY=VALUE; for example seeds=3 or problem.spiral.epochs=1000"),
    ("", "is not KEY=VALUE"),
    ("=3", "is not KEY=VALUE"),
    ("seeds=[1", '"[1" is not a TOML value (Unclosed array'),
    ("seeds=", "is not a TOML value"),
    ("seeds=1\nname='x'", "is not a TOML value (more than one value)"),
    ("seeds=-1", "seeds: is -1; must be how many seeds"),
    ("sedes=1", 'sedes: no such key; did you mean "seeds"?'),
    ("problem.spirl.epochs=1", 'there is no problem "spirl"; did you mean "spiral"?'),
    (
        "problem.epochs=1",
        'there is no problem "epochs"; known: spiral',
    ),
    ("optimizer.sgd.momentum=1", 'there is no optimizer "sgd"; known: adam'),
    ("optimizer.adam.momentum=1", "adam has no momentum"),
    ("problem.spiral=3", "names no key; for example problem.spiral.KEY=VALUE"),
    (
        "problem.spiral.epochs.x=3",
        "problem.spiral.epochs: is { x = 3 }; must be a value, a list or",
    ),
    ("problem.spiral.name.x=3", "problem #1.name: is { x = 3 }; must be a text"),
    ("seeds.x=3", "seeds: is { x = 3 }; must be how many seeds"),
    (
        "problem.spiral.dataset=1979-05-27",
        "--set problem.spiral.dataset=1979-05-27: is a date or t",
    ),
]


@pytest.mark.parametrize(("text", "message"), BAD_SET, ids=[text for text, _ in BAD_SET])
def test_bad_overrides(text, message):
    assert message in the_only_error(BOTH, text)


# -- plugins

RULE = """
from nncore.rules import rule

@rule
def {name}(w, g, t, *, learning_rate=1.0):
    w -= learning_rate * g
"""


FAULTS = [
    ("x = 1\nboom(x)\n", "boom.py, line 2: boom(x): NameError: name 'boom' is not defined"),
    ("x = 1\ndef f(:\n", "boom.py, line 2: def f(:: invalid syntax"),
    ("import sys\nsys.exit(3)\n", "boom.py, line 2: sys.exit(3): SystemExit: 3"),
    ("import no_such_module\n", "boom.py, line 1: import no_such_module: ModuleNotFoundError"),
    (RULE.format(name="adam"), 'ValueError: there is already a rule "adam" (built-in)'),
    ("\x00", "boom.py"),
    (
        "from nncore.rules import rule\n@rule\ndef broken(weights):\n    pass\n",
        "TypeError: rule broken: write it as def broken(w, g, t, *buffers, learning_rate=..., ...)",
    ),
]


@pytest.mark.parametrize(("source", "message"), FAULTS, ids=range(len(FAULTS)))
def test_a_plugin_that_fails_is_named_with_its_line(tmp_path, source, message):
    path = tmp_path / "boom.py"
    path.write_text(source)
    # A rule that may be the plugin's is not called unknown.
    spec = {"plugins": [str(path)], "problem": {"dataset": "spiral"}, "optimizer": {"rule": "mine"}}
    [error] = errors(spec)
    assert error.startswith("spec: plugins: ")
    assert message in error


def test_a_plugin_that_is_not_there(tmp_path):
    spec = tomllib.loads(BOTH)
    path = tmp_path / "none.py"
    assert errors(spec, plugins=[path]) == [
        f"spec: --plugin {path}: {path}: cannot be read: No such file or directory"
    ]
    assert "Is a directory" in errors({**spec, "plugins": [str(tmp_path)]})[0]


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
    assert [line.split("; ")[0] for line in errors(of("bare"), plugins=[path])] == [
        f"spec: problem.bare.{key}: is missing"
        for key in ("layers", "initializer", "loss", "epochs")
    ]
    own = {"layers": ["dense 1"], "initializer": "zeros", "loss": "squared_sum", "epochs": 1}
    dataset = {"name": "bare", "size": 0.5}
    [named] = load({**of("bare"), "problem": {**own, "dataset": dataset}}, plugins=[path]).problems
    assert named.problem.dataset == dataset
    [error] = errors(of("raises"), plugins=[path])
    assert "problem.raises.dataset: data.py, line 13: return [0] / at: TypeError" in error
    assert [line.split(";")[0] for line in errors(of("wrong", **own), plugins=[path])] == [
        f'spec: problem.wrong.dataset: the defaults of "wrong".{mistake}'
        for mistake in ('loss: there is no loss "mse"', 'epochs: is "many"')
    ]
