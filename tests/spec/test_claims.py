"""`[[claim]]` tables: what they become, and what is said of those that will not do."""

from __future__ import annotations

import json
from typing import Any

import pytest

from bench.plan import manifest as manifests
from bench.plan import reading, writing
from bench.plan import trials as planning
from bench.spec.claim_tables import COMMON, KINDS, OWN
from bench.spec.claims import of_content
from bench.spec.experiment import load
from bench.spec.judging import Judged
from bench.stats.decision import Margin
from tests.spec.mistakes import errors, names

SPEC: dict[str, Any] = {
    "seeds": 3,
    "problem": [
        {"name": "people", "dataset": "people", "epochs": 4, "record_every": 2},
        {"name": "blobs", "dataset": "blobs", "epochs": [4, 8], "target": {"loss": 0.5}},
    ],
    "optimizer": [
        {"rule": "sgd", "learning_rate": [0.1, 1.0], "momentum": 0.5},
        {"rule": "adam"},
        {"name": "elsewhere", "rule": "adam", "problems": ["people"], "epsilon": 1e-3},
    ],
}
# A claim of each kind that will do.
GOOD: dict[str, dict[str, Any]] = {
    "better": {"better": "sgd", "than": ["adam"], "by": 0.1, "at": {"learning_rate": 0.1}},
    "same": {"same": ["sgd", "adam"], "metric": "final_train_loss"},
    "between": {"value": "sgd", "between": [0, 1]},
    "equals": {"value": "sgd", "equals": "learning_rate / epochs", "metric": "best_train_loss"},
    "order": {"order": ["elsewhere", "adam"], "problem": "people"},
    "way": {"trend": "sgd", "over": "learning_rate", "way": "falls"},
    "power": {"trend": "adam", "over": "epochs", "power": [-2, 0], "problem": "blobs"},
    "reaches": {"reaches": "sgd", "share": [0.5, 0.9], "epoch": 3, "problem": "blobs"},
}  # fmt: skip


def given(*claims: dict[str, Any], **changes: Any) -> dict[str, Any]:
    return {**SPEC, "claim": [{"text": "so it is", **claim} for claim in claims], **changes}


def test_the_examples_are_of_every_kind() -> None:
    assert {key for claim in GOOD.values() for key in claim} & set(KINDS) == set(KINDS)


@pytest.mark.parametrize("kind", GOOD)
def test_a_claim_survives_the_manifest(kind: str) -> None:
    experiment = load(given(GOOD[kind]))
    [claim] = experiment.claims
    assert of_content(json.loads(json.dumps(claim.content))) == claim
    manifest = manifests.of(experiment, planning.trials(experiment))
    assert reading.from_json(json.loads(json.dumps(writing.to_json(manifest)))) == manifest
    # The spec as run gives the same claims again.
    assert load(experiment.raw).claims == experiment.claims


def test_a_single_table_and_a_table_of_several_problems() -> None:
    spec = {**SPEC, "claim": {"text": "x", "problem": "blobs", "same": ["sgd", "adam"]}}
    [claim] = load(spec).claims
    assert claim.problems == ("blobs (epochs=4)", "blobs (epochs=8)")
    [everywhere] = load(given({"same": ["sgd", "adam"]})).claims
    assert everywhere.problems == ("people", *claim.problems)


# What is changed in a claim -> key path after the number, the value told, and what is right.
REFUSED: dict[str, tuple[dict[str, Any], str, str, tuple[str, ...]]] = {
    "an unknown key": ({"beter": "sgd"}, ".beter", "", ("better",)),
    "no kind": ({}, "", "", tuple(KINDS)),
    "two kinds": ({"same": ["sgd", "adam"], "better": "sgd", "than": "adam"}, "", "same", ()),
    "nobody to compare with": ({"better": "sgd"}, ".than", "", ()),
    "an unknown optimizer": ({"better": "sdg", "than": "adam"}, ".better", '"sdg"', ("sgd",)),
    "an unknown other": ({"better": "sgd", "than": "adm"}, ".than", '"adm"', ("adam",)),
    "itself": ({"better": "sgd", "than": "sgd"}, ".better", '"sgd"', ()),
    "an unknown problem": (
        {"same": ["sgd", "adam"], "problem": "blob"}, ".problem", '"blob"', ("blobs",)),
    "not on that problem": (
        {"same": ["elsewhere", "adam"]}, "", '"elsewhere"', ("blobs (epochs=4)",)),
    "an unknown metric": (
        {"same": ["sgd", "adam"], "metric": "final_train_los"}, ".metric", '"final_train_los"',
        ("train_loss",)),
    "a metric of other problems": (
        {"same": ["sgd", "adam"], "metric": "final_test_accuracy"}, ".metric",
        '"final_test_accuracy"', ("people",)),
    "no metric": ({"same": ["sgd", "adam"], "metric": "momentum"}, ".metric", '"momentum"', ()),
    "a name that not all have": (
        {"same": ["sgd", "adam"], "metric": "final_train_loss * momentum"}, ".metric",
        '"momentum"', ()),
    "no formula": (
        {"same": ["sgd", "adam"], "metric": "final_train_loss +"}, ".metric", "", ("sqrt",)),
    "an epoch without a record": (
        {"same": ["sgd", "adam"], "problem": "people", "metric": "epoch_3_train_loss"}, ".metric",
        "epoch 3", ("2",)),
    "a time without a target": (
        {"same": ["sgd", "adam"], "metric": "time_to_train_loss"}, ".metric",
        '"time_to_train_loss"', ("people",)),
    "no size": ({"same": ["sgd", "adam"], "by": 0}, ".by", "0", ()),
    "a share above 1": ({"better": "sgd", "than": "adam", "by": 1.5}, ".by", "1.5", ("1",)),
    "a size beside an interval": (
        {"value": "sgd", "between": [0, 1], "by": 0.1}, ".by", '"between"', ()),
    "no value": ({"value": "sgd"}, "", '"value"', ("between", "equals")),
    "both values": (
        {"value": "sgd", "between": [0, 1], "equals": "1"}, "", '"value"', ("between", "equals")),
    "ends the wrong way round": (
        {"value": "sgd", "between": [1, 0]}, ".between", "[1, 0]", ()),
    "a metric in a formula of the spec's numbers": (
        {"value": "sgd", "equals": "final_train_loss"}, ".equals", '"final_train_loss"',
        ("learning_rate",)),
    "a word that fits another kind": (
        {"same": ["sgd", "adam"], "than": "adam"}, ".than", '"same"', ()),
    "a trend over nothing": ({"trend": "sgd", "way": "falls"}, ".over", "", ()),
    "a trend over a name that is none": (
        {"trend": "sgd", "over": "learning_rat", "way": "falls"}, ".over", '"learning_rat"',
        ("learning_rate",)),
    "a trend over one value": (
        {"trend": "adam", "over": "learning_rate", "way": "falls"}, ".over", '"learning_rate"',
        ('"adam"',)),
    "a trend over what is the same on all problems": (
        {"trend": "sgd", "over": "samples", "way": "falls", "problem": "blobs"}, ".over",
        '"samples"', ()),
    "both ways": (
        {"trend": "sgd", "over": "learning_rate", "way": "falls", "power": [0, 1]}, "",
        '"trend"', ("way", "power")),
    "no target": ({"reaches": "sgd", "share": 0.5, "problem": "people"}, ".target", "none", ()),
    "another target": (
        {"reaches": "sgd", "share": 0.5, "problem": "blobs", "target": "accuracy"}, ".target",
        '"accuracy"', ("train_loss",)),
    "after the last epoch": (
        {"reaches": "sgd", "share": 0.5, "problem": "blobs", "epoch": 6}, ".epoch", "6", ("4",)),
    "a share above one": (
        {"reaches": "sgd", "share": 2, "problem": "blobs"}, ".share", "2", ("1",)),
    "a number that no optimizer has": (
        {"same": ["sgd", "adam"], "at": {"momentun": 0.5}}, ".at.momentun", "", ("momentum",)),
    "values that no configuration has": (
        {"same": ["sgd", "adam"], "at": {"learning_rate": 7.0}}, "", '"sgd"', ("7.0",)),
    "an answer that is none": (
        {"same": ["sgd", "adam"], "expected": "yes"}, ".expected", '"yes"', ('"holds"',)),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_what_will_not_do_is_named(case: str) -> None:
    claim, key, value, right = REFUSED[case]
    line = errors(given(claim))[0]
    names(line, f"claim #1{key}", value, *right)


def test_a_claim_without_words_and_one_that_is_there_twice() -> None:
    [line] = errors({**SPEC, "claim": [{"same": ["sgd", "adam"]}]})
    names(line, "claim #1.text", "")
    [line] = errors(given(GOOD["same"], GOOD["same"]))
    names(line, "claim #2", "#1")


# A size above 1 is that of a difference: metrics of three problems, the claim's, who refuses it.
LARGE: dict[str, tuple[list[str], str | None, list[str]]] = {
    "losses": (["final_train_loss"] * 3, None, ["people", "smooth"]),
    "a loss beside scores": (["final_train_r2", "final_train_loss", "final_train_loss"], None,
                             ["smooth"]),
    "scores": (["final_train_r2", "final_train_r2", "final_train_loss"], None, []),
    "a formula": (["final_train_loss"] * 3, "2 * final_train_loss", []),
    "a record": (["final_train_loss"] * 3, "epoch_2_train_loss", ["people", "smooth"]),
}  # fmt: skip


@pytest.mark.parametrize("case", LARGE)
def test_a_size_above_one_is_refused_where_sizes_are_shares(case: str) -> None:
    own, metric, refused = LARGE[case]
    problems = [
        {"name": "people", "dataset": "people", "epochs": 4, "record_every": 2},
        {"name": "smooth", "dataset": "people", "epochs": 6, "record_every": 2},
        # An objective may be negative, and then differences are compared.
        {"name": "valley", "dataset": "quadratic", "epochs": 4, "record_every": 2},
    ]
    problems = [{**p, "metric": name} for p, name in zip(problems, own, strict=True)]
    claim = {"better": "sgd", "than": "adam", "by": 1.5, **({"metric": metric} if metric else {})}
    optimizers = [{"rule": "sgd", "learning_rate": 0.1}, {"rule": "adam"}]
    spec = given(claim, problem=problems, optimizer=optimizers)
    lines = errors(spec) if refused else [load(spec)][:0]
    assert len(lines) == len(refused)
    for line, problem in zip(lines, refused, strict=True):
        names(line, "claim #1.by", "1.5", f'"{problem}"')


def test_a_trend_is_not_asked_of_what_tuning_leaves() -> None:
    [line] = errors(given(GOOD["way"], tuning={"seeds": 2}, seeds=[5, 6, 7]))
    names(line, "claim #1.over", '"learning_rate"', "[tuning]")


@pytest.mark.parametrize("key", [key for key in (*COMMON, *OWN) if key not in KINDS])
def test_every_value_is_checked(key: str) -> None:
    kind = next((k for k, (a, b, c) in KINDS.items() if key in (*a, *b, *c)), "same")
    good = next(claim for claim in GOOD.values() if kind in claim)
    lines = errors(given({**good, key: [{"wrong": []}]}))
    assert any(line.startswith(f"spec: claim #1.{key}") for line in lines), lines


def test_the_digest_is_that_of_the_claim_and_its_margins() -> None:
    own = {"people": Judged(), "blobs (epochs=4)": Judged(), "blobs (epochs=8)": Judged()}

    def digest(judged: dict[str, Judged] = own, **changes: Any) -> str:
        return load(given({**GOOD["same"], **changes})).claims[0].digest(judged)

    same = digest()
    assert digest(source="somewhere") == digest(expected="holds") == same
    others = [
        digest(text="so it was"),
        digest(by=0.2),
        digest(metric="best_train_loss"),
        digest(problem="people"),
        digest(tolerance=1e-3),
        digest(own | {"people": Judged(margin=Margin(0.2))}),
        digest(own | {"people": Judged("final_test_loss")}),
    ]
    assert len({same, *others}) == len(others) + 1
