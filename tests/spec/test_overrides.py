"""`--set KEY=VALUE`: what it sets, and what is said of mistakes."""

import tomllib

import pytest

from bench.spec.experiment import load
from tests.spec.mistakes import BOTH, PROBLEM, names, the_only_error

SET = [
    ("seeds=3", lambda e: e.seeds == (0, 1, 2)),
    ("seeds = [5]", lambda e: e.seeds == (5,)),
    ("dtype=float64", lambda e: e.problems[0].problem.dtype == "float64"),
    ("name=other", lambda e: e.name == "other"),
    ("problem.spiral.epochs=1000", lambda e: e.problems[0].problem.epochs == 1000),
    ("problem.spiral.dataset.samples=50", lambda e: e.problems[0].problem.dataset["samples"] == 50),
    (
        "problem.spiral.initializer.scale=1",
        lambda e: e.problems[0].problem.initializer["scale"] == 1,
    ),
    ("problem.spiral.loss=categorical_crossentropy", lambda e: True),
    ("optimizer.adam.learning_rate=[1, 2]", lambda e: len(e.optimizers[0].configurations) == 2),
    ("optimizer.adam.decay={linear=[0,1],n=3}", lambda e: len(e.optimizers[0].configurations) == 3),
    ('optimizer."sgd + momentum".momentum=0.5', lambda e: _momentum(e) == 0.5),
    ("optimizer.'sgd + momentum'.momentum=0.5", lambda e: _momentum(e) == 0.5),
    ("optimizer.sgd + momentum.momentum=0.5", lambda e: _momentum(e) == 0.5),
    ("optimizer.sgd + momentum.bias.momentum=0", lambda e: _momentum(e, "bias.momentum") == 0.0),
    ("problem=[{dataset='people'}]", lambda e: e.problems[0].name == "people"),
]


def _momentum(found, name="momentum"):
    return found.optimizers[1].configurations[0].hyperparameters[name]


@pytest.mark.parametrize(("text", "holds"), SET, ids=[text for text, _ in SET])
def test_overrides(text, holds):
    more = '[[optimizer]]\nname = "sgd + momentum"\nrule = "sgd"\n'
    found = load(tomllib.loads(BOTH + more), [text])
    assert holds(found)
    # What is kept is the spec as run.
    assert load(found.raw) == found


def test_of_two_names_the_longer_is_meant():
    tables = "".join(f'[[optimizer]]\nname = "{name}"\nrule = "sgd"\n' for name in ("a", "a.b"))
    found = load(tomllib.loads(PROBLEM + tables), ["optimizer.a.b.momentum=0.5"]).optimizers
    momenta = [o.configurations[0].hyperparameters["momentum"] for o in found]
    assert momenta == [0.0, 0.5]


# An override; the key that is told, the value that is wrong, words of what is right.
BAD_SET = [
    ("seeds", "--set seeds", "", "KEY=VALUE", "seeds=3"),
    ("", "--set ", "", "KEY=VALUE"),
    ("=3", "--set =3", "", "KEY=VALUE"),
    ("seeds=[1", "--set seeds=[1", '"[1"', "TOML", "Unclosed array"),
    ("seeds=", "--set seeds=", '""', "TOML"),
    ("seeds=1\nname='x'", r"--set seeds=1\nname='x'", r"""1\nname='x'""", "TOML", "one value"),
    ("seeds=-1", "seeds", "-1", "list"),
    ("sedes=1", "sedes", "", '"seeds"'),
    ("problem.spirl.epochs=1", "--set problem.spirl.epochs=1", '"spirl"', '"spiral"'),
    ("problem.epochs=1", "--set problem.epochs=1", '"epochs"', "spiral"),
    ("optimizer.sgd.momentum=1", "--set optimizer.sgd.momentum=1", '"sgd"', "adam"),
    ("optimizer.adam.momentum=1", "optimizer.adam.momentum", "momentum", "adam", "beta_1", "sgd"),
    ("problem.spiral=3", "--set problem.spiral=3", "", "problem.spiral.KEY=VALUE"),
    ("problem.spiral.epochs.x=3", "problem.spiral.epochs", "{ x = 3 }", "value", "list", "range"),
    ("problem.spiral.name.x=3", "problem #1.name", "{ x = 3 }", "text"),
    ("seeds.x=3", "seeds", "{ x = 3 }", "list"),
    ("problem.spiral.dataset=1979-05-27", "--set problem.spiral.dataset=1979-05-27", "date"),
]


@pytest.mark.parametrize("row", BAD_SET, ids=str)
def test_bad_overrides(row):
    text, *named = row
    names(the_only_error(BOTH, text), *named)
