"""Rules of other packages in specs: names, arguments, columns, and what is said of mistakes."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest

from bench.spec.experiment import load
from nncore.registry import RefusedError
from nncore.rules import bridges, rules
from nncore.rules.bridges import packages
from tests.command import bench
from tests.spec.mistakes import BOTH, errors

SPEC = """
seeds = 2
dtype = "float64"
[[problem]]
dataset = {{ name = "spiral", samples = 20 }}
layers = ["dense 8", "relu", "dense 3", "softmax"]
batch_size = 20
epochs = {epochs}
record_every = {epochs}
"""


@pytest.fixture
def missing(monkeypatch: pytest.MonkeyPatch) -> None:
    """As where neither torch nor optax is installed."""
    for name in ("torch", "optax"):
        monkeypatch.setitem(sys.modules, name, None)
    monkeypatch.delitem(sys.modules, "torch.optim", raising=False)
    monkeypatch.setattr(bridges, "_found", {})


MISSING = {
    "torch.optim:NAdam": ("torch, which is not installed", "pip install torch"),
    "optax:adabelief": ("optax, which is not installed", "pip install optax"),
    "nothing_of_this_name:Lion": ("not installed", "pip install nothing_of_this_name"),
    "torch.optim.": ("there is no rule",),
    "a b:c": ("there is no rule", "torch.optim:NAdam"),
    "bench:no_such_optimizer": ("there is no optimizer",),
    "json:dumps": ("is no optimizer",),
}


@pytest.mark.usefixtures("missing")
@pytest.mark.parametrize("rule", MISSING)
def test_what_is_not_there_is_refused_with_what_to_do(rule: str) -> None:
    [error] = errors({"problem": {"dataset": "people", "epochs": 1}, "optimizer": {"rule": rule}})
    for words in MISSING[rule]:
        assert words in error


@pytest.mark.usefixtures("missing")
def test_on_the_command_line_it_is_exit_code_2_and_nothing_is_written(tmp_path: Path) -> None:
    (tmp_path / "a.toml").write_text(BOTH + '[[optimizer]]\nrule = "torch.optim:Adam"\n')
    printed = bench("run", "a.toml", cwd=tmp_path, code=2)
    assert "pip install torch" in printed
    assert [path.name for path in tmp_path.iterdir()] == ["a.toml"]
    listed = bench("list", "rules", "torch.optim:Adam", cwd=tmp_path, code=2)
    assert "pip install torch" in listed


TAKES = {
    "torch": {
        "lr = 0.1": {"learning_rate": 0.1},
        "betas.0 = 0.5": {"betas.0": 0.5, "betas.1": 0.999},
        '"betas.1" = 0.9': {"betas.0": 0.9, "betas.1": 0.9},
        "amsgrad = true": {"options": {"amsgrad": True}},
        "amsgrad = false": {"options": None},
        "decay = 0.5": {"decay": 0.5},
    },
    "optax": {
        "lr = 0.1": None,
        "learning_rate = 0.1\nb1 = 0.5": {"learning_rate": 0.1, "b1": 0.5},
        "learning_rate = 0.1\nnesterov = true": {"options": {"nesterov": True}},
    },
}
NAMES = {"torch": "torch.optim:Adam", "optax": "optax:adam"}
WRONG = {
    "torch": {
        "betas = [0.9, 0.99]": "betas.0 = ..., betas.1 = ...",
        "lr = 0.1\nlearning_rate = 0.1": "keep one",
        "beta_1 = 0.9": "torch.optim:Adam has no beta_1",
        "amsgrad = [[true]]": "list within a list",
        "betas.0 = 1.5": "Invalid beta parameter",
        "betas.2 = 0.5": "betas.0 = ...",
        "eps = true": "must be a finite number",
    },
    "optax": {"b1 = 0.5": "is missing; optax:adam has no default"},
}
PAIRS = [(package, text) for package, found in TAKES.items() for text in found]
WRONG_PAIRS = [(package, text) for package, found in WRONG.items() for text in found]


@pytest.mark.bridges
@pytest.mark.parametrize(("package", "text"), PAIRS)
def test_their_own_arguments_are_hyperparameters(package: str, text: str, tmp_path: Path) -> None:
    pytest.importorskip(package)
    (tmp_path / "a.toml").write_text(f'{BOTH}[[optimizer]]\nrule = "{NAMES[package]}"\n{text}\n')
    wanted = TAKES[package][text]
    if wanted is None:
        errors(tmp_path / "a.toml")
        return
    [found] = load(tmp_path / "a.toml").optimizers[1].configurations
    for key, value in wanted.items():
        if key == "options":
            assert found.modifiers.get("options") == value
        else:
            assert found.hyperparameters[key] == value


@pytest.mark.bridges
@pytest.mark.parametrize(("package", "text"), WRONG_PAIRS)
def test_mistakes_are_told(package: str, text: str, tmp_path: Path) -> None:
    pytest.importorskip(package)
    (tmp_path / "a.toml").write_text(f'{BOTH}[[optimizer]]\nrule = "{NAMES[package]}"\n{text}\n')
    [error] = errors(tmp_path / "a.toml")
    assert WRONG[package][text] in error


OURS = '[[optimizer]]\nrule = "adam"\nepsilon = 1e-8\nlearning_rate = 0.01\n'


@pytest.mark.bridges
@pytest.mark.parametrize("package", NAMES)
def test_their_adam_is_ours(package: str, tmp_path: Path) -> None:
    """Over 200 updates in float64 at the same epsilon, to 1e-6; workers change nothing."""
    pytest.importorskip(package)
    rule = NAMES[package]
    first = "betas.0 = [0.9, 0.5]\n" if package == "torch" else "b1 = [0.9, 0.5]\n"
    theirs = f'[[optimizer]]\nrule = "{rule}"\nlearning_rate = [0.01, 1e200]\neps = 1e-8\n{first}'
    (tmp_path / "a.toml").write_text(SPEC.format(epochs=67) + OURS + theirs)
    bench("run", "a.toml", "--jobs", "2", cwd=tmp_path)
    folder = tmp_path / "results" / "a"
    trials = pd.read_csv(folder / "trials.csv")
    mine = trials[trials["rule"] == "adam"]
    other = trials[(trials["rule"] == rule) & (trials["learning_rate"] == 0.01)]
    other = other[other["betas.0" if package == "torch" else "b1"] == 0.9]
    assert mine["gradient_evaluations"].min() >= 200
    for column in ("final_train_loss", "final_test_loss"):
        assert abs(mine[column].to_numpy() - other[column].to_numpy()).max() < 1e-6
    assert (trials[trials["learning_rate"] == 1e200]["status"] == "diverged").all()
    # One worker, and half of it beforehand: the same bytes.
    bench("run", "a.toml", "--jobs", "1", "--out", "b", "--shard", "1/2", cwd=tmp_path)
    bench("run", "a.toml", "--jobs", "1", "--out", "b", cwd=tmp_path)
    for name in ("curves.csv", "best.toml"):
        assert (tmp_path / "b" / name).read_bytes() == (folder / name).read_bytes(), name
    again = pd.read_csv(tmp_path / "b" / "trials.csv")
    timed = [column for column in trials if column.endswith("_seconds")]
    pd.testing.assert_frame_equal(
        trials.drop(columns=timed), again.drop(columns=timed), check_exact=True
    )
    # The winners run again, and are there already.
    best = (folder / "best.toml").read_text()
    assert rule in best
    (tmp_path / "best.toml").write_text(best)
    assert len(load(tmp_path / "best.toml").optimizers) == 2
    listed = bench("list", "rules", rule, cwd=tmp_path)
    assert listed.startswith(f"{rule}(learning_rate")
    assert f"{rule} " in bench("list", "rules", rule.partition(":")[0], cwd=tmp_path)


@pytest.mark.bridges
@pytest.mark.parametrize("package", NAMES)
def test_what_cannot_run_is_refused_before_anything_trains(package: str, tmp_path: Path) -> None:
    pytest.importorskip(package)
    wrong = {"torch": "torch.optim:SparseAdam", "optax": "optax:lbfgs"}[package]
    (tmp_path / "a.toml").write_text(
        f'{BOTH}[[optimizer]]\nrule = "{wrong}"\nlearning_rate = 0.1\n'
    )
    printed = bench("run", "a.toml", cwd=tmp_path, code=2)
    assert wrong in printed
    assert not (tmp_path / "results").exists()


@pytest.mark.bridges
@pytest.mark.parametrize("package", NAMES)
def test_its_version_is_part_of_its_keys(package: str, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip(package)
    rule = rules[NAMES[package]]
    assert rule.digest.startswith(f"{package} ")
    monkeypatch.setattr(bridges, "_found", {})
    monkeypatch.setattr(packages, "_told", lambda top: f"{top} 99")
    assert rules[NAMES[package]].digest != rule.digest


def test_names_that_tables_have_already_are_prefixed() -> None:
    from bench.spec.names import COLUMNS
    from nncore.modifiers import modifiers
    from nncore.rules.bridges.arguments import TAKEN

    assert COLUMNS | set(modifiers) | {"decay", "rule"} <= TAKEN


OWN = {
    "torch": "import torch\nclass Plain(torch.optim.SGD):\n    '''{summary}'''\n",
    "optax": (
        "import optax\nfrom . import beside\n"
        "def Plain(learning_rate: float = 0.1) -> optax.GradientTransformation:\n"
        "    '''{summary}'''\n    return optax.sgd(learning_rate)\n"
    ),
}
OF = {"torch": ["torch 99"], "optax": ["optax 99", "jax 99", "jaxlib 99"]}


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A package of the user's in which there is a module, until the test is over."""
    (tmp_path / "family_b").mkdir()
    for name in ("__init__", "beside"):
        (tmp_path / "family_b" / f"{name}.py").write_text("")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(bridges, "_found", {})
    monkeypatch.setattr(packages, "_told", lambda top: f"{top} 99")
    yield tmp_path / "family_b"
    for name in [name for name in sys.modules if name.partition(".")[0] == "family_b"]:
        del sys.modules[name]


@pytest.mark.bridges
@pytest.mark.parametrize("package", OWN)
def test_what_is_of_one_s_own_module_is_keyed_by_sources_and_versions(
    package: str, own: Path
) -> None:
    """By those of its package and of what it imports; what is edited is looked at anew."""
    pytest.importorskip(package)
    (own / "mine.py").write_text(OWN[package].format(summary="Mine."))
    name = "family_b.mine:Plain"
    rule = rules[name]
    assert rule.summary == "Mine."
    module, *versions = rule.digest.split(", ")
    assert (module.split()[0], versions) == ("family_b.mine", OF[package])
    bridges.renew()
    assert rules[name] is rule
    (own / "mine.py").write_text(OWN[package].format(summary="Edited."))
    load({"problem": {"dataset": "people"}, "optimizer": {"rule": "sgd"}})
    edited = rules[name]
    assert (edited.summary, edited.digest != rule.digest) == ("Edited.", True)
    read = ["__init__", "beside"] if package == "optax" else ["__init__"]
    for other in read:
        (own / f"{other}.py").write_text("X = 1\n")
        bridges.renew()
        assert rules[name].digest != edited.digest
        edited = rules[name]


def test_a_function_is_told_how_to_say_that_it_is_an_optimizer(own: Path) -> None:
    (own / "mine.py").write_text("def plain(learning_rate=0.1): ...\n")
    with pytest.raises(RefusedError, match=r"-> optax\.GradientTransformation"):
        rules["family_b.mine:plain"]
