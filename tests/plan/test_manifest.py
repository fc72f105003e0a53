"""Manifests that nobody wrote: another type or name anywhere is refused, not made to fit."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from bench.plan import manifest as manifests
from bench.plan import reading, rows, writing
from bench.plan.trials import trials
from bench.spec.experiment import load

SPEC = {
    "seeds": 2,
    "tuning": {"seeds": 2},
    "problem": [{"dataset": "people", "target": {"loss": 0.1}}, {"dataset": "neuron"}],
    "optimizer": [
        {"rule": "sgd", "learning_rate": [0.1, 0.2], "clip_norm": 1, "schedule": "step"},
        {"rule": "adam"},
    ],
    "claim": [
        {"text": "first", "problem": "people", "better": "sgd", "than": "adam"},
        {"text": "its size", "value": "sgd", "between": [0, 1], "metric": "final_train_loss / 2"},
        {"text": "its way", "trend": "adam", "over": "epochs", "way": "falls"},
        {"text": "it arrives", "problem": "people", "reaches": "adam", "share": 0.5},
    ],
}


@pytest.fixture(scope="module")
def written() -> dict[str, Any]:
    experiment = load(SPEC)
    text = json.dumps(writing.to_json(manifests.of(experiment, trials(experiment))))
    return dict(json.loads(text))


def test_what_was_written_is_read(written: dict[str, Any]) -> None:
    experiment = load(SPEC)
    expected = manifests.of(experiment, trials(experiment))
    assert reading.from_json(written) == expected
    # Whole numbers are numbers, and what is named as nothing is not there.
    other = copy.deepcopy(written)
    other["problems"][0][1]["batch_size"] = None
    other["configurations"][0][2] |= {"clip_value": None, "clip_norm": 1}
    found = reading.from_json(other)
    assert found.trials[0].problem.batch_size is None
    assert found.trials[0].configuration == expected.trials[0].configuration


def test_trials_are_as_many_rows_as_seeds_are_interrupted() -> None:
    spec = {"seeds": [4, 5, 6, 9, 8], "problem": SPEC["problem"], "optimizer": SPEC["optimizer"]}
    experiment = load(spec)
    made = manifests.of(experiment, trials(experiment))
    found = writing.to_json(made)["trials"]
    assert [row[3:] for row in found[:3]] == [[4, 3], [9, 1], [8, 1]]
    assert sum(row[-1] for row in found) == len(made.trials)
    assert reading.from_json(writing.to_json(made)) == made


def with_keys(manifest: dict[str, Any]) -> dict[str, Any]:
    """As it was written before keys followed from texts."""
    keys = "".join(trial.key for trial in reading.from_json(manifest).trials)
    return {**{name: v for name, v in manifest.items() if name != "texts"}, "keys": keys}


def test_keys_that_do_not_follow_are_written(written: dict[str, Any]) -> None:
    made = reading.from_json(written)
    first = replace(made.trials[0], key="f" * 64)
    odd = replace(made, trials=(first, *made.trials[1:]))
    again = json.loads(json.dumps(writing.to_json(odd)))
    assert "texts" not in again
    assert reading.from_json(again) == odd
    # Nor does anything follow from texts that nobody has.
    assert "texts" not in writing.to_json(replace(made, texts=({}, {})))


def test_of_very_many_trials_all_keys_are_written(
    written: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    made = reading.from_json(written)
    monkeypatch.setattr(rows, "MOST_UNWRITTEN", len(made.trials) - 1)
    again = json.loads(json.dumps(writing.to_json(made)))
    assert len(again["keys"]) == 64 * len(made.trials)
    assert reading.from_json(again) == made
    with pytest.raises(ValueError, match="more trials"):
        reading.from_json(written)


def test_trials_keep_their_numbers_wherever_these_leave_a_gap(written: dict[str, Any]) -> None:
    made = reading.from_json(written)
    moved = tuple(replace(t, index=t.index + 10 * (t.index > 0)) for t in made.trials)
    again = json.loads(json.dumps(writing.to_json(replace(made, trials=moved))))
    assert reading.from_json(again).trials == moved


def test_folders_with_a_row_for_every_trial_are_read(written: dict[str, Any]) -> None:
    single = [
        [first + i, p, c, seed + i]
        for first, p, c, seed, count in written["trials"]
        for i in range(count)
    ]
    old = reading.from_json({**with_keys(written), "trials": single})
    assert old == reading.from_json(written)


@pytest.mark.parametrize(("counts", "different"), [(False, 2), (True, 3)])
def test_problems_on_one_dataset_are_on_the_same_data(counts: bool, different: int) -> None:
    spirals = [{"name": name, "dataset": "spiral", "epochs": n} for name, n in (("a", 1), ("b", 2))]
    problems = [*spirals, {"dataset": {"name": "spiral", "samples": 9}}]
    spec = {"problem": problems, "optimizer": {"rule": "sgd"}, "same_data_counts": counts}
    experiment = load(spec)
    data = manifests.of(experiment, trials(experiment)).data
    assert (len(data), len(set(data.values()))) == (3, different)


def put(*place: Any) -> Callable[[Any], None]:
    """A change that puts the last of `place` where the others lead."""

    def change(manifest: Any) -> None:
        *way, key, value = place
        for step in way:
            manifest = manifest[step]
        manifest[key] = value

    return change


WRONG: dict[str, Callable[[Any], None]] = {
    "a name that is none": put("name", "\x1b[31m"),
    "a margin that is none": put("spec", "margin", 2),
    "a margin of another type": put("spec", "margin", {"share": 0.1}),
    "counting of another type": put("spec", "same_data_counts", 1),
    "a name of another type": put("problems", 0, 0, 3),
    "epochs of another type": put("problems", 0, 1, "epochs", "100"),
    "epochs true": put("problems", 0, 1, "epochs", True),
    "epochs below 1": put("problems", 0, 1, "epochs", 0),
    "no epochs": lambda manifest: manifest["problems"][0][1].pop("epochs"),
    "a field that is none": put("problems", 0, 1, "epohs", 3),
    "layers of another type": put("problems", 0, 1, "layers", "dense 3"),
    "a layer of another type": put("problems", 0, 1, "layers", [3]),
    "dtype": put("problems", 0, 1, "dtype", "float16"),
    "shuffle": put("problems", 0, 1, "shuffle", 1),
    "a problem of three": put("problems", 0, ["a", {}, {}]),
    "a rule of another type": put("configurations", 0, 2, "rule", None),
    "a hyperparameter in words": put("configurations", 0, 2, "hyperparameters", "decay", "0.1"),
    "an infinite one": put("configurations", 0, 2, "hyperparameters", "decay", float("inf")),
    "a limit of 0": put("configurations", 0, 2, "clip_norm", 0),
    "a schedule without parameters": put("configurations", 0, 2, "schedule", "cosine"),
    "a modifier that is none": put("configurations", 0, 2, "clip", 1.0),
    "a number below 0": put("configurations", 0, 0, -1),
    "rows of three": put("trials", [[0, 0, 0]]),
    "rows of six": put("trials", [[0, 0, 0, 0, 1, 1]]),
    "a row in words": put("trials", 0, 3, "0"),
    "half a seed": put("trials", 0, 3, 0.5),
    "a seed beyond what a database holds": put("trials", 0, 3, 2**63),
    "a last seed beyond it": put("trials", 0, 3, 2**63 - 1),
    "a trial below 0": put("trials", 0, 0, -1),
    "a last trial beyond what a database holds": put("trials", 0, 0, 2**63 - 1),
    "a problem that is not there": put("trials", 0, 1, 9),
    "a configuration that is not there": put("trials", 0, 2, 9),
    "a row of none": put("trials", 0, 4, 0),
    "more than a computer has room for": put("trials", 0, 4, 2**62),
    "as many in all": put("trials", [[n << 20, 0, 0, n << 20, 1 << 20] for n in range(4)]),
    "rows that add up to what they are not": put("trials", [[0, 0, 0, 0, 2**62]] * 4),
    "a trial twice": put("trials", 0, 0, 2),
    "seeds twice": put("trials", 1, 2, 0),
    "a key twice": lambda m: m["texts"].update(configurations=3 * m["texts"]["configurations"][:1]),
    "no rows": put("trials", 3),
    "neither keys nor texts": put("texts", None),
    "keys and texts": put("keys", 9 * "0" * 64),
    "a text that is none": put("texts", "problems", 0, 3),
    "a text too few": lambda manifest: manifest["texts"]["configurations"].pop(),
    "a target in words": put("targets", "people", "train_loss", "low"),
    "a target of nobody": put("targets", "\n", {}),
    "a fixed problem of another type": put("fixed", [None]),
    "a spec in words": put("spec", "spec"),
    "seeds in words": put("tuning", "seeds", ["1"]),
    "another criterion": put("tuning", "criterion", "final_test_loss"),
    "a criterion of no metric": put("tuning", "criterion", "final_train_luck"),
    "a target of no metric": put("targets", "people", "train_luck", 0.5),
    "a metric named like none": put("metrics", 0, "name", "a b"),
    "a label with control characters": put("metrics", 0, "label", "\x1b[31m"),
    "a direction that is none": put("metrics", 0, "better", "more"),
    "a worst value in words": put("metrics", 0, "worst", "worst"),
    "a best value worse than the worst": put("metrics", 1, "best", -1.0),
    "a metric twice": put("metrics", 1, "name", "loss"),
    "no loss": put("metrics", 0, "name", "luck"),
    "an identity that is none": put("recorded", "people", [3]),
    "a field more": put("more", 1),
    "claims that are none": put("claims", ["so it is"]),
    "too many claims": lambda manifest: manifest.update(claims=1_001 * manifest["claims"][:1]),
    "a claim of no kind": put("claims", 0, "kind", "best"),
    "a claim of another kind": put("claims", 0, "kind", "value"),
    "better than nobody": lambda manifest: manifest["claims"][0].pop("others"),
    "the same as itself": put("claims", 0, "kind", "same"),
    "a claim on an optimizer that is not there": put("claims", 0, "optimizers", ["sdg"]),
    "a claim on a problem that is not there": put("claims", 0, "problems", ["person"]),
    "a claim on nothing that was tried": put("claims", 0, "at", {"learning_rate": 7.0}),
    "a size in words": put("claims", 0, "by", "10%"),
    "a value without an end": put("claims", 1, "high", None),
    "a formula that is none": put("claims", 1, "metric", "__import__('os')"),
    "a metric that is none": put("claims", 1, "metric", "final_train_luck"),
    "a metric that is none in a formula": put("claims", 1, "metric", "2 * final_train_luck"),
    "a trend over nothing": put("claims", 2, "over", None),
    "a trend over what there is not": put("claims", 2, "over", "epoch"),
    "a trend over what does not differ": put("claims", 2, "problems", ["people", "people"]),
    "neither a way nor a power": put("claims", 2, "way", None),
    "a target that is not there": put("claims", 3, "target", "test_loss"),
    "a problem without a target": put("claims", 3, "problems", ["neuron"]),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_is_wrong_is_refused(written: dict[str, Any], case: str) -> None:
    manifest = copy.deepcopy(written)
    WRONG[case](manifest)
    with pytest.raises((ValueError, IndexError)):
        reading.from_json(manifest)


KEYS: dict[str, Callable[[Any], None]] = {
    "a key that is none": put("keys", "x" * 64),
    "too few keys": put("keys", ""),
    "more trials than keys": put("trials", 0, 4, 3),
    "a key twice": lambda m: m.update(keys=len(m["keys"]) // 64 * m["keys"][:64]),
}


@pytest.mark.parametrize("case", KEYS)
def test_what_is_wrong_with_written_keys_is_refused(written: dict[str, Any], case: str) -> None:
    manifest = with_keys(copy.deepcopy(written))
    assert reading.from_json(manifest) == reading.from_json(written)
    KEYS[case](manifest)
    with pytest.raises((ValueError, IndexError)):
        reading.from_json(manifest)
