"""The gate: what it says of results that are the same, worse, or too few to tell."""

from __future__ import annotations

import hashlib
import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.stats

import bench
from bench import stats
from bench.gate import baseline, check
from bench.gate.curves import Curves
from bench.gate.findings import Word
from bench.spec import experiment as spec
from bench.studies.validate import gate as alarms
from nncore.registry import BUILT_IN
from nncore.rules import rules
from nncore.schedules import schedules
from nncore.trial import Configuration
from tests.command import bench as command
from tests.gate import slips

RNG = np.random.default_rng(3)
STILL = np.exp(0.02 * RNG.standard_normal(20))
WILD = np.exp(1.0 * RNG.standard_normal(20))
HALF = np.where(np.arange(20) < 8, np.inf, STILL)


def curves(finals: Any, number: int = 0, **changes: Any) -> Curves:
    return replace(alarms.curves(np.asarray(finals, dtype=float), number), **changes)


def of(*found: Curves, early: int = 1) -> baseline.Baseline:
    return baseline.Baseline("test", {}, tuple(baseline.line(c, early) for c in found))


NOISE = np.exp(0.02 * np.random.default_rng(4).standard_normal(20))
# What new losses are called beside `STILL` at a margin of 10%.
WORDS: dict[str, tuple[Any, Word, int]] = {
    "identical": (STILL, "identical", 0),
    "other noise": (STILL * NOISE, "same", 0),
    "5% worse": (STILL * 1.05, "same", 0),
    "half as large": (STILL / 2, "same", 0),
    "50% worse": (STILL * 1.5, "worse", 1),
    "all diverged": (STILL * np.inf, "worse", 1),
    "two in five diverged": (HALF, "worse", 1),
    "wild": (STILL * WILD, "cannot tell", 3),
}


@pytest.mark.parametrize("name", WORDS)
def test_words_and_exit_codes(name: str) -> None:
    losses, word, code = WORDS[name]
    found = check.check(of(curves(STILL)), [curves(losses)])
    assert (found.word, found.exit_code, found.ok) == (word, code, code == 0)
    assert str(found)


def test_a_content_names_what_there_is_not_as_it_always_has() -> None:
    one = curves(STILL)
    hyperparameters = {"learning_rate": 0.1, "decay": 0.0}
    modifiers = {"clip_norm": 2.0}
    one = replace(one, configuration=Configuration("sgd", hyperparameters, modifiers))
    definition = {
        "problem": {**vars(one.problem), "layers": [], "batch_size": None},
        "configuration": {
            "rule": "sgd",
            "hyperparameters": hyperparameters,
            "schedule": None,
            "clip_norm": 2.0,
            "clip_value": None,
        },
    }
    text = json.dumps(definition, sort_keys=True, separators=(",", ":"))
    assert one.content == hashlib.sha256(text.encode()).hexdigest()[:16]


def test_more_diverged_runs_are_named_where_the_median_is_not_worse() -> None:
    found = check.check(of(curves(STILL)), [curves(HALF)])
    words = {m.name: m.word for m in found.findings[0].measures}
    assert words["final loss"] != "worse"
    assert words["diverged runs"] == "worse"
    assert "8 of 20 runs newly diverge" in str(found)
    better = check.check(of(curves(HALF)), [curves(STILL)])
    assert better.word != "worse"


def aiming(one: Curves, **targets: float) -> Curves:
    """As `one`, with targets; every metric but the loss rises as it falls."""
    times = {}
    for metric, goal in targets.items():
        values = one.losses if metric == "train_loss" else 1 - one.losses
        up = metric != "train_loss"
        times[metric] = stats.time_to_target(one.epochs, values, goal, at_least=up)
    return replace(one, targets=targets, times=times)


def test_times_to_the_target_regress_on_their_own() -> None:
    def with_times(epoch: int) -> Curves:
        losses = np.ones((20, 11))
        losses[:, epoch:] = 0.4
        losses[:, -1] = 0.3 + 0.001 * np.arange(20) + 1e-4 * epoch
        return aiming(curves(STILL, epochs=np.arange(11), losses=losses), train_loss=0.5)

    found = check.check(of(with_times(4)), [with_times(8)])
    measures = {m.name: m for m in found.findings[0].measures}
    assert (measures["final loss"].word, measures["time to target"].word) == ("same", "worse")
    assert measures["time to target"].ratio == pytest.approx(2)
    assert check.check(of(with_times(8)), [with_times(4)]).ok


def test_every_target_has_its_times() -> None:
    """Each in its metric's direction: the accuracy here is 1 less the loss."""

    def arriving(epoch: int) -> Curves:
        losses = np.ones((20, 11))
        losses[:, epoch:] = 0.4
        losses[:, -1] = STILL
        one = curves(STILL, epochs=np.arange(11), losses=losses)
        return aiming(one, train_accuracy=0.5, validation_accuracy=0.95)

    [finding] = check.check(of(arriving(4)), [arriving(8)]).findings
    measures = {m.name: m for m in finding.measures}
    assert measures["time to target of train_accuracy"].ratio == pytest.approx(2)
    assert measures["time to target of train_accuracy"].word == "worse"
    # Nobody ever gets there.
    assert measures["time to target of validation_accuracy"].word == "same"


@pytest.mark.parametrize(
    ("old", "new", "text"),
    [
        (curves(STILL), [], "is not in these results"),
        (curves(STILL), [curves(STILL * 2, seeds=tuple(range(50, 70)))], "no seed in common"),
        (curves(STILL, problem_name="p"), [curves(STILL, 1)], "is not in these results"),
    ],
)
def test_what_is_not_there_cannot_be_told(old: Any, new: Any, text: str) -> None:
    found = check.check(of(old), new)
    assert found.exit_code == 3
    assert text in str(found)


def test_renaming_a_problem_or_optimizer_changes_nothing() -> None:
    new = curves(STILL, problem_name="another", optimizer="name")
    assert check.check(of(curves(STILL)), [new]).word == "identical"


def test_seeds_that_are_missing_are_left_out_and_said() -> None:
    some = curves(STILL[:15] * 1.5)
    found = check.check(of(curves(STILL)), [some])
    assert found.word == "worse"
    assert "5 of 20 seeds are missing" in str(found)
    for losses in (STILL[:15], STILL[:15] * NOISE[:15]):  # nothing is worse on those there are
        found = check.check(of(curves(STILL)), [curves(losses)])
        assert found.exit_code == 3
        assert "5 of 20 seeds are missing" in str(found)


def test_seeds_of_rounds_that_were_not_needed_are_not_missing() -> None:
    for losses, word in ((STILL[:15], "identical"), (STILL[:15] * NOISE[:15], "same")):
        found = check.check(of(curves(STILL)), [curves(losses, optional=range(10, 40))])
        assert (found.word, found.exit_code) == (word, 0)
    # Those of the first round always are, and what is worse is worse.
    for losses, code in ((STILL[:8], 3), (STILL[:15] * 1.5, 1)):
        found = check.check(of(curves(STILL)), [curves(losses, optional=range(10, 40))])
        assert found.exit_code == code


@pytest.mark.parametrize(
    ("lost", "word"),
    [(0, "same"), (2, "same"), (3, "cannot tell"), (7, "cannot tell"), (8, "worse")],
)
def test_newly_diverged_runs_pass_only_within_the_margin(lost: int, word: Word) -> None:
    losses = np.where(np.arange(20) < lost, np.inf, STILL * NOISE)
    found = check.check(of(curves(STILL)), [curves(losses)])
    assert found.word == word


MANY = [curves(np.exp(0.3 * RNG.standard_normal(20)), number) for number in range(15)]


def lose(one: Curves, lost: int) -> Curves:
    losses = one.losses.copy()
    losses[:lost, 1] = np.inf
    return replace(one, losses=losses, diverged=np.isinf(losses[:, 1]))


@pytest.mark.parametrize(("configurations", "lost", "code"), [(15, 2, 1), (1, 1, 0)])
def test_lost_runs_are_counted_over_all_and_always_named(
    configurations: int, lost: int, code: int
) -> None:
    """Two of 20 seeds of every configuration are within each one's margin; 30 of 300 are not."""
    new = [lose(one, lost * (i < configurations)) for i, one in enumerate(MANY)]
    found = check.check(of(*MANY), new)
    assert found.exit_code == code
    assert not any(one.word == "worse" for one in found.findings)
    assert f"{lost * configurations} of 300 runs newly diverge" in str(found)


def test_what_no_single_configuration_shows_all_together_do() -> None:
    """Worse everywhere by 30%, under as much noise: luck for one, none needed for fifteen."""
    rng = np.random.default_rng(9)
    alone = 0
    for _ in range(40):
        noise = np.exp(0.25 * rng.standard_normal((15, 20)))
        new = [curves(1.3 * MANY[i].finals * row, i) for i, row in enumerate(noise)]
        found = check.check(of(*MANY), new)
        alone += any(one.word == "worse" for one in found.findings)
        assert found.exit_code == 1
        assert "all configurations together" in str(found)
    assert alone < 36


def measured(values: Any, **changes: Any) -> Curves:
    rows = np.stack([np.full(20, 0.5), np.asarray(values, dtype=float)], axis=1)
    return curves(STILL, metrics={"validation_accuracy": rows}, **changes)


def test_another_metric_may_change_alone() -> None:
    """As when accuracy is taken by argmin, or validation data are the training data."""
    shares = np.linspace(0.6, 0.9, 20)
    old = of(measured(shares), early=2)
    assert check.check(old, [measured(shares)]).word == "identical"
    for new in (measured(1 - shares), curves(STILL)):
        found = check.check(old, [new])
        assert found.exit_code == 3
        assert str(found).startswith("cannot tell: 1 of 1 configurations are measured otherwise")
        assert "what is measured changed: validation_accuracy" in str(found)
        assert check.check(old, [new], strict=True).exit_code == 1


def test_a_metric_may_round_as_far_as_precisions_do() -> None:
    shares = np.linspace(0.6, 0.9, 20)
    was = measured(shares)
    others = {"validation_accuracy": was.metrics["validation_accuracy"] * (1 + 1e-3)}
    old = baseline.Baseline("test", {}, (baseline.line(was, 2, others),))
    assert check.check(old, [measured(shares * 1.005)]).ok
    assert check.check(old, [measured(shares * 1.02)]).mismeasured


def test_a_crash_is_a_regression() -> None:
    losses = np.where(np.arange(20) < 1, np.inf, STILL)
    found = check.check(of(curves(STILL)), [curves(losses, crashed=1)])
    assert found.exit_code == 1
    assert "1 runs crashed" in str(found)


def test_objectives_below_zero_have_a_gate_too() -> None:
    old = of(curves(STILL - 5))
    assert check.check(old, [curves(STILL * NOISE - 5)]).word == "same"
    assert check.check(old, [curves(STILL - 4)]).word == "worse"


def test_few_seeds_are_told_how_many_would_do() -> None:
    found = check.check(of(curves(STILL[:4])), [curves(STILL[:4] * 2)])
    assert found.exit_code == 3
    assert found.findings[0].measures[0].needed == 8  # 2**-8 is below half a percent
    wild = check.check(of(curves(STILL)), [curves(STILL * WILD)]).findings[0].measures[0]
    assert wild.needed is None or wild.needed > 20


@pytest.mark.parametrize(
    ("factor", "word"), [(1.05, "same"), (0.5, "same"), (1.5, "worse"), (np.inf, "worse")]
)
def test_without_randomness_one_run_is_compared_directly(factor: float, word: Word) -> None:
    old = curves([0.5], random=False)
    changed = replace(old, losses=old.losses * factor, diverged=np.isinf(old.losses[:, 1] * factor))
    found = check.check(of(old, early=2), [changed])
    assert found.word == word
    assert found.changed


def test_first_look_sees_what_is_above_its_bound() -> None:
    old = curves(STILL)
    for gap, changed in ((5e-5, False), (2e-4, True), (np.inf, True)):
        new = replace(old, losses=np.stack([old.losses[:, 0] * (1 + gap), STILL * NOISE], axis=1))
        found = check.check(of(old), [new])
        assert bool(found.changed) is changed
        assert ("the update rule changed" in str(found)) is changed
        strict = check.check(of(old), [new], strict=True)
        assert strict.exit_code == changed
        assert ("the numbers of sgd" in str(strict)) is changed


@pytest.mark.parametrize("other", [{}, {"numpy": "0"}])
def test_seeds_without_early_records_are_compared_where_the_others_agree_to_the_end(
    other: dict[str, str],
) -> None:
    """Elsewhere their rounding may have grown, which nobody has tried."""
    old = replace(of(curves(STILL), early=2), made_with={"numpy": "1"} if other else {})
    ends = STILL.copy()
    ends[9] *= 1.02
    found = check.check(old, [curves(ends)], made_with=other)
    assert found.exit_code == 0
    assert "1 of 1 configurations end otherwise in 1 runs, by up to 0.02" in str(found)
    assert "round otherwise" not in str(found)
    strict = check.check(old, [curves(ends)], made_with=other, strict=True)
    assert strict.exit_code == (0 if other else 1)
    # Of what the precisions part on before the end nothing is known.
    assert not check.check(of(curves(STILL)), [curves(ends)]).ended
    ends[9] = STILL[9] * (1 + 1e-6)
    assert not check.check(old, [curves(ends)]).ended


@pytest.mark.parametrize(("made_with", "told"), [("1", "numpy differ from"), ("0", "the order of")])
def test_what_only_rounds_otherwise_is_said_and_passes(made_with: str, told: str) -> None:
    old = replace(of(curves(STILL)), made_with={"numpy": made_with})
    new = curves(STILL * (1 + 1e-7))
    for strict in (False, True):
        found = check.check(old, [new], made_with={"numpy": "0"}, strict=strict)
        assert found.exit_code == 0
        assert "1 of 1 configurations round otherwise" in str(found)
        assert told in str(found)


@pytest.mark.parametrize("n", [4, 12, 20, 50])
@pytest.mark.parametrize("level", [0.05, 0.01, 2e-4])
def test_bounds_are_the_innermost_that_hold(n: int, level: float) -> None:
    low, high = check.bounds(np.arange(float(n)), level, level)
    if math.isfinite(low):
        assert scipy.stats.binom.cdf(low, n, 0.5) <= level < scipy.stats.binom.cdf(low + 1, n, 0.5)
        assert high == n - 1 - low
    else:
        assert 2.0**-n > level
        assert high == math.inf


def test_false_alarms_are_rare() -> None:
    for law in alarms.NOISE.values():
        found = alarms.rates(law, 20, 150, 1e-6)
        # Nominal 1%: four of 150 happen with a chance of 2%.
        assert found.get("worse", 0) <= 4 / 150


def test_the_file_holds_everything() -> None:
    old = of(
        aiming(curves(HALF), train_loss=0.5),
        curves([0.5], 1, random=False),
        measured(STILL),
        early=2,
    )
    text = baseline.dumps(old)
    assert baseline.loads(text) == old
    assert json.loads(text)["format"] == baseline.FORMAT
    assert len(text.splitlines()) == 2 + len(old.lines)


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"format": 1}', '{"format": 99}', "\udcff"])
def test_other_files_are_refused(text: str, tmp_path: Path) -> None:
    path = tmp_path / "baseline.json"
    path.write_bytes(text.encode(errors="surrogateescape"))
    with pytest.raises(baseline.BaselineError, match=r"baseline\.json"):
        baseline.read(path)


EDITS: dict[str, Any] = {
    "not a number": {"final": ["nan"] * 20},
    "too short": {"final": [0.5]},
    "one digest": {"digests": ["a"]},
    "early of another shape": {"early": [[1.0, 2.0, 3.0]]},
    "seeds of text": {"seeds": list("abcdefghijklmnopqrst")},
    "a seed twice": {"seeds": [0] * 20},
    "a name with control characters": {"problem": "a\x1b[31m\n"},
    "times of another length": {"times": {"train_loss": [1.0]}},
    "times to no target": {"times": {"train_loss": [1.0] * 20, "train_r2": [1.0] * 20}},
    "a target that is no number": {"targets": {"train_loss": "half"}},
    "early records of another shape of a metric": {
        "metrics": {"test_loss": {"digest": "a", "early": [[1.0]], "rounding": 0.0}}
    },
}


@pytest.mark.parametrize("edit", EDITS)
def test_an_edited_baseline_is_refused(edit: str) -> None:
    text = json.loads(baseline.dumps(of(aiming(curves(STILL), train_loss=0.5))))
    text["lines"][0] |= EDITS[edit]
    with pytest.raises(baseline.BaselineError, match="is no baseline"):
        baseline.loads(json.dumps(text))


@pytest.mark.parametrize("one", slips.SLIPS, ids=lambda one: one.name)
def test_every_slip_is_named(one: slips.Slip) -> None:
    found = slips.look(one, short=True)
    if one.seen in ("first", "second", "both"):
        assert slips.seen(found) != "neither"
        assert any(f.optimizer.startswith(one.rule) for f in (*found.changed, *found.findings))
    else:
        assert slips.seen(found) == "neither"


@pytest.mark.parametrize("one", slips.FAULTS, ids=lambda one: one.name)
def test_every_fault_is_named(one: slips.Fault) -> None:
    found = slips.look_at(one, short=True)
    assert found.exit_code == one.code
    assert one.told_of(found) in str(found)
    assert replace(found, strict=True).exit_code == one.strict


def test_adam_without_its_corrections_is_no_matter_of_rounding() -> None:
    [one] = [one for one in slips.SLIPS if one.name == "no bias correction"]
    found = slips.look(one, short=True)
    assert "the update rule changed: the numbers of adam" in str(found)
    assert "which rounding does not do" in str(found)
    strict = replace(found, strict=True)
    assert strict.exit_code == 1
    assert str(strict).startswith("changed: the numbers of adam")


def test_right_rules_pass() -> None:
    for rule in {one.rule for one in slips.SLIPS}:
        right = slips.Slip("right", rule, slips.rules[rule].function, "")
        assert slips.look(right, short=True).ok


def test_the_experiment_of_the_gate_runs_everything_there_is() -> None:
    """Every rule and schedule, clipping, a partial batch: what is not run cannot be seen."""
    experiment = spec.load(slips.SPEC)
    tried = [c for o in experiment.optimizers for c in o.configurations]
    assert {c.rule for c in tried} == {name for name, r in rules.items() if r.origin == BUILT_IN}
    used = {c.modifiers["schedule"]["name"] for c in tried if "schedule" in c.modifiers}
    assert used == {name for name, s in schedules.items() if s.origin == BUILT_IN}
    assert any("clip_norm" in c.modifiers for c in tried)
    assert any("clip_value" in c.modifiers for c in tried)
    assert any(30 % (p.problem.batch_size or 30) for p in experiment.problems)


SPEC = """
seeds = 12
plugins = ["mine.py"]

[[problem]]
dataset = "people"
epochs = 30
record_every = 2
target = { loss = 0.05 }

[[optimizer]]
rule = "mine"
learning_rate = 1.0
"""
RULE = """
from nncore.rules import rule

@rule
def mine(w, g, t, *, learning_rate=1.0):
    '''Mine.'''
    w -= {} * learning_rate * g
"""


def test_from_the_command_line(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text(SPEC)
    (tmp_path / "mine.py").write_text(RULE.format("1"))
    command("run", "mine.toml", "--jobs", 1, "--out", "out", cwd=tmp_path)
    command("baseline", "out", "--out", "mine.json", cwd=tmp_path)
    told = command("check", "out", "--against", "mine.json", cwd=tmp_path)
    assert "identical" in told
    result = bench.open_results(tmp_path / "out")
    assert bench.check(result, tmp_path / "mine.json").ok
    assert "no such file" in command("check", "out", "--against", "x", cwd=tmp_path, code=2)
    command("check", "out", "--against", "mine.json", "--margin", 0, cwd=tmp_path, code=2)
    command("check", "nowhere", "--against", "mine.json", cwd=tmp_path, code=2)

    (tmp_path / "mine.py").write_text(RULE.format("0.5"))
    command("run", "mine.toml", "--jobs", 1, "--out", "out", "--fresh", cwd=tmp_path)
    told = command("check", "out", "--against", "mine.json", cwd=tmp_path, code=1)
    assert "worse: people, mine" in told
    assert "the update rule changed" in told

    command("run", "mine.toml", "--jobs", 1, "--out", "few", "--set", "seeds=[90]", cwd=tmp_path)
    told = command("check", "few", "--against", "mine.json", cwd=tmp_path, code=3)
    assert "no seed in common" in told
