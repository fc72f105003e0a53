"""The fixture `convergence` in a suite of a user's own."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bench.session.testing import Convergence

pytest_plugins = ["pytester"]

SPEC = """
seeds = 12
plugins = ["mine.py"]

[[problem]]
dataset = "people"
epochs = 10
record_every = 2

[[optimizer]]
rule = "mine"
"""
RULE = """
from nncore.rules import rule

@rule
def mine(w, g, t, *, learning_rate=1.0):
    '''Mine.'''
    w -= {} * learning_rate * g
"""
# The module that the spec names is imported for tests of its functions, too.
SUITE = """
import mine

def test_mine(convergence):
    result = convergence("mine.toml"{})
    assert len(result.trials) == 12
"""


@pytest.fixture
def suite(pytester: pytest.Pytester) -> pytest.Pytester:
    """A folder `own` with a spec, its rule and a test, seen from the folder above it."""
    pytester.mkdir("own")
    write(pytester, spec=SPEC, rule=RULE.format(1), test=SUITE.format(""))
    pytester.syspathinsert("own")
    return pytester


def write(suite: pytest.Pytester, **texts: str) -> None:
    names = {"spec": "mine.toml", "rule": "mine.py", "test": "test_mine.py"}
    for what, text in texts.items():
        (suite.path / "own" / names[what]).write_text(text)


def ends(suite: pytest.Pytester, *arguments: str, **outcomes: int) -> str:
    """What pytest prints in a run of the suite that ends so."""
    result = suite.runpytest_inprocess("-p", "no:cacheprovider", "-Werror", *arguments)
    result.assert_outcomes(**outcomes)
    return result.stdout.str()


def test_from_no_baseline_to_a_regression(suite: pytest.Pytester) -> None:
    baseline = suite.path / "own" / "mine.json"
    told = ends(suite, failed=1)
    assert f"{baseline}: there is no baseline yet" in told
    assert "pytest --update-convergence" in told
    assert "Traceback" not in told

    ends(suite, "--update-convergence", passed=1)
    assert json.loads(baseline.read_text())["name"] == "mine"
    ends(suite, passed=1)

    before = baseline.read_bytes()
    write(suite, rule=RULE.format(0.3))
    told = ends(suite, failed=1)
    assert "regression: 1 of 1 configurations are worse" in told
    assert "the update rule changed" in told
    assert baseline.read_bytes() == before


def test_where_nobody_can_tell_it_fails_unless_that_may_pass(tmp_path: Path) -> None:
    out = (tmp_path / str(number) for number in range(9))
    (tmp_path / "sgd.toml").write_text(SPEC.replace('"mine"', '"sgd"').replace("plugins", "# "))
    (tmp_path / "sgd.json").write_text("of another time")
    Convergence(tmp_path, lambda: next(out), update=True)("sgd.toml")
    convergence = Convergence(tmp_path, lambda: next(out))
    others = {"overrides": ["seeds=[90]"]}
    with pytest.raises(pytest.fail.Exception, match=r"cannot tell(.|\n)*no seed in common"):
        convergence("sgd.toml", **others)
    result = convergence("sgd.toml", **others, unsure="pass")
    assert list(result.trials["seed"]) == [90]
    with pytest.raises(ValueError, match="unsure='skip'"):
        convergence("sgd.toml", unsure="skip")


@pytest.mark.parametrize(
    ("override", "told"),
    [("seed=3", 'did you mean "seeds"'), ("problem.people.epochs=0", "epochs")],
)
def test_a_wrong_spec_is_told_in_a_line(tmp_path: Path, override: str, told: str) -> None:
    (tmp_path / "sgd.toml").write_text(SPEC.replace('"mine"', '"sgd"').replace("plugins", "# "))
    convergence = Convergence(tmp_path, lambda: tmp_path / "out", update=True)
    with pytest.raises(pytest.fail.Exception, match=told):
        convergence("sgd.toml", overrides=[override])
    assert not (tmp_path / "sgd.json").exists()
