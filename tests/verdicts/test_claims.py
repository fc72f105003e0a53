"""Claims, decided: held to estimates by hand and exact intervals of SciPy's, kind by kind."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
import scipy.stats

import bench
from bench import stats
from bench.report.claims import decided
from bench.session.folder import read_manifest
from bench.spec.claims import Claim
from bench.store.store import Store
from bench.tables.headline import Headlines
from bench.tables.marks import marks
from bench.verdicts.claim_words import sentences
from bench.verdicts.claims import Answer, Claims, Decided, decide, frame, open_questions
from bench.verdicts.evidence import Evidence, evidence_of
from bench.verdicts.questions import slope
from tests.command import undrawn

SEEDS = 20
SPEC: dict[str, Any] = {
    "name": "claims",
    "seeds": SEEDS,
    "problem": [
        {
            "name": "logistic",
            "dataset": {"name": "logistic_regression", "samples": 60, "features": 4},
            "epochs": [20, 40],
            "record_every": 10,
            "target": {"loss": 0.5},
        },
        {
            "name": "bowl",
            "dataset": {"name": "quadratic", "dimension": 2, "condition": 10.0},
            "initializer": {"name": "values", "values": [1.0, 1.0]},
            "dtype": "float64",
            "epochs": 40,
            "record_every": 20,
        },
    ],
    "optimizer": [
        {"rule": "sgd", "learning_rate": 0.5},
        {"rule": "adam", "learning_rate": 0.3},
        {"name": "twin", "rule": "adam", "learning_rate": 0.3},
        {"name": "sweep", "rule": "sgd", "learning_rate": [0.01, 0.02, 0.04, 1e30]},
    ],
}
# A claim of each kind on the problem with randomness, without a size.
LONG = "logistic (epochs=40)"
KINDS = {
    "better": Claim(text="x", kind="better", problems=(LONG,), optimizers=("adam",),
                    others=("sgd",)),
    "same": Claim(text="x", kind="same", problems=(LONG,), optimizers=("adam", "sgd")),
    "order": Claim(text="x", kind="order", problems=(LONG,), optimizers=("adam", "sgd")),
    "value": Claim(text="x", kind="value", problems=(LONG,), optimizers=("sgd",),
                   metric="final_test_loss", low=0.0, high=1.0),
    "equals": Claim(text="x", kind="value", problems=(LONG,), optimizers=("sgd",),
                    metric="final_train_loss / initial_train_loss", equals="1 / epochs"),
    "rises": Claim(text="x", kind="trend", problems=(LONG,), optimizers=("sweep",),
                   over="learning_rate", way="rises", metric="final_train_accuracy"),
    "power": Claim(text="x", kind="trend", problems=("logistic (epochs=20)", LONG),
                   optimizers=("sgd",), over="epochs", low=-0.1, high=0.0),
    "reaches": Claim(text="x", kind="reaches", problems=(LONG,), optimizers=("sgd",), low=0.1,
                     high=1.0, epoch=15),
}  # fmt: skip

CONTRACTION = Claim(
    text="x", kind="value", problems=("bowl",), optimizers=("sgd",), low=0.0, high=1.0,
    metric="(final_train_loss / epoch_20_train_loss) ** (1 / 40)",
)  # fmt: skip


@pytest.fixture(scope="module")
def result(tmp_path_factory: pytest.TempPathFactory) -> Iterator[bench.Results]:
    with undrawn():
        yield bench.run(SPEC, out=tmp_path_factory.mktemp("claims"), jobs=1, report=False)


@pytest.fixture(scope="module")
def evidence(result: bench.Results) -> Evidence:
    manifest = replace(result.manifest, claims=(*KINDS.values(), CONTRACTION))
    with Store.read(result.folder) as store:
        trials = Headlines.of(manifest).costed(result.trials)
        return evidence_of(trials, manifest, marks(store, manifest))


def values(result: bench.Results, optimizer: str, column: str, problem: str = LONG) -> np.ndarray:
    """A column of `trials.csv` by seed; of a sweep, a row per rate."""
    trials = result.trials
    trials = trials.assign(lost=(trials["status"] == "diverged").astype(float))
    mine = trials[(trials["problem"] == problem) & (trials["optimizer"] == optimizer)]
    found = mine.sort_values(["learning_rate", "seed"])[column].to_numpy(dtype=float)
    return found.reshape(-1, SEEDS) if optimizer == "sweep" else found


def by_hand(result: bench.Results, kind: str) -> np.ndarray:
    """The quantity of every seed, computed another way."""
    if kind in ("better", "same", "order"):
        loss = {name: values(result, name, "final_train_loss") for name in ("adam", "sgd")}
        return np.log(loss["sgd"] / loss["adam"])
    if kind == "value":
        return values(result, "sgd", "final_test_loss")
    if kind == "equals":
        curves = result.curves
        mine = curves[(curves["problem"] == LONG) & (curves["optimizer"] == "sgd")]
        wide = mine.pivot(index="seed", columns="epoch", values="train_loss")
        return (wide[40] / wide[0]).to_numpy()
    if kind == "rises":
        scores = values(result, "sweep", "final_train_accuracy").copy()
        scores[values(result, "sweep", "lost") == 1] = 0.0  # the worst
        x = np.log([0.01, 0.02, 0.04, 1e30])
        slopes = [
            scipy.stats.theilslopes(y, x).slope
            for y in scores.T  # the pairs' median
        ]
        return np.array(slopes) * (x[-1] - x[0])
    if kind == "power":
        short = values(result, "sgd", "final_train_loss", "logistic (epochs=20)")
        return np.log(values(result, "sgd", "final_train_loss") / short) / np.log(2)
    return (values(result, "sgd", "time_to_train_loss") <= 15).astype(float)


def the_one(claim: Claim, evidence: Evidence) -> Decided:
    [found] = decide([claim], evidence)
    return found


@pytest.mark.parametrize("kind", KINDS)
def test_estimates_and_intervals_are_those_by_hand(
    kind: str, result: bench.Results, evidence: Evidence
) -> None:
    found = decide(list(KINDS.values()), evidence)[list(KINDS).index(kind)]
    [one] = found.found
    per_seed = by_hand(result, kind)
    assert one.question.values == pytest.approx(per_seed, rel=1e-6, abs=1e-9)
    level = 0.05 / len(KINDS)  # each has one quantity with randomness
    if kind == "reaches":
        told = scipy.stats.binomtest(int(per_seed.sum()), SEEDS).proportion_ci(1 - level)
        wanted = [per_seed.mean(), told.low, told.high]
    else:
        told = scipy.stats.quantile_test(per_seed, q=0, p=0.5).confidence_interval(1 - level)
        wanted = [np.median(per_seed), told.low, told.high]
    if kind in ("better", "same", "order"):
        wanted = [1 - np.exp(-x) for x in wanted]
    assert [one.estimate, one.low, one.high] == pytest.approx(wanted, rel=1e-6, abs=1e-9)


def sized(claim: Claim, one: Any, way: str) -> Claim:
    """The claim with the range that makes it true, false or undecidable by what was found."""
    low, middle, high = one.low, one.estimate, one.high
    gap = max(high - low, 0.01)
    if claim.kind in ("better", "order") or claim.way:
        return replace(claim, by={"true": low - gap, "false": high + gap, "open": middle}[way])
    if claim.equals:
        centre = {"true": middle, "false": high + 3 * gap, "open": high + gap}[way]
        return replace(claim, equals=repr(float(centre)), by=gap + (way == "open") * 0.5 * gap)
    if claim.kind == "same":
        return replace(claim, by={"true": 0.9, "false": max(low / 2, 1e-9), "open": middle}[way])
    ends = {"true": (low - gap, high + gap), "false": (high + gap, high + 2 * gap)}
    low, high = ends.get(way, (middle, high + gap))
    return replace(claim, low=float(low), high=float(high))


@pytest.mark.parametrize(("kind", "way"), list(itertools.product(KINDS, ("true", "false", "open"))))
def test_what_is_false_is_contradicted_and_what_is_open_stays_open(
    kind: str, way: str, evidence: Evidence
) -> None:
    claim = KINDS[kind]
    [one] = the_one(claim, evidence).found
    assert one.low < one.estimate < one.high
    found = the_one(sized(claim, one, way), evidence)
    answer = {"true": Answer.HOLDS, "false": Answer.CONTRADICTED, "open": Answer.UNKNOWN}[way]
    assert found.answer is answer, (one, found)
    words = {"true": "holds", "false": "is contradicted", "open": "cannot be told"}[way]
    [line] = sentences(Claims([found]))
    assert line.startswith(f"claim 1 {words}: x (on ")
    assert Claims([found]).exit_code == {"true": 0, "false": 1, "open": 3}[way]
    # While seeds are added the interval is one that may be watched, of the same quantity.
    [watched] = decide([claim], evidence, watched=True)[0].found
    ends = (stats.share_sequence if kind == "reaches" else stats.median_sequence)(
        one.question.values, 0.95
    )
    if kind in ("better", "same", "order"):
        ends = tuple(1 - math.exp(-end) for end in ends)
    assert (watched.low, watched.high) == pytest.approx(ends)
    assert watched.estimate == one.estimate
    open_ = open_questions(Claims([found]))
    assert set(open_) == (set(claim.problems) if way == "open" else set())


def test_the_answer_is_that_of_the_worst_quantity(evidence: Evidence) -> None:
    claim = replace(KINDS["better"], optimizers=("sgd",), others=("sweep", "adam"), by=0.05)
    found = the_one(replace(claim, at={"learning_rate": 0.01}), evidence)
    answers = {each.question.other: each.answer for each in found.found}
    assert answers == {"sweep": Answer.HOLDS, "adam": Answer.CONTRADICTED}
    assert found.answer is Answer.CONTRADICTED
    assert found.deciding is not None
    assert found.deciding.question.other == "adam"
    assert Claims().exit_code == 2


def test_the_family_is_all_claims_of_the_spec(evidence: Evidence) -> None:
    claim = KINDS["better"]
    widths = []
    for number in (1, 4, 16):
        some = [replace(claim, text=str(i)) for i in range(number)]
        [one] = decide(some, evidence)[0].found
        widths.append(one.high - one.low)
    assert widths == sorted(widths)
    assert widths[0] < widths[-1]
    # What has no randomness is no member.
    fixed = [replace(claim, text=str(i), problems=("bowl",)) for i in range(40)]
    [one] = decide([claim, *fixed], evidence)[0].found
    assert one.high - one.low == widths[0]


def test_without_randomness_the_number_decides_with_its_tolerance(evidence: Evidence) -> None:
    [one] = the_one(CONTRACTION, evidence).found
    # The slow coordinate is all that is left: 1 - rate / condition.
    assert one.estimate == pytest.approx(1 - 0.5 / 10, rel=1e-6)
    assert one.low == one.estimate == one.high
    for high, tolerance, answer in (
        (0.95, 1e-4, Answer.HOLDS), (0.9499, 1e-3, Answer.HOLDS),
        (0.9499, 1e-6, Answer.CONTRADICTED),
    ):  # fmt: skip
        told = the_one(replace(CONTRACTION, high=high, tolerance=tolerance), evidence)
        assert told.answer is answer


def test_optimizers_of_the_same_trials_are_the_same_whatever_the_seeds(evidence: Evidence) -> None:
    few = replace(evidence, trials=evidence.trials[evidence.trials["seed"] < 3])
    claim = replace(KINDS["same"], optimizers=("adam", "twin"), by=1e-6)
    assert the_one(claim, few).answer is Answer.HOLDS
    assert the_one(KINDS["same"], few).answer is Answer.UNKNOWN
    better = replace(KINDS["better"], others=("twin",))
    assert the_one(better, few).answer is Answer.CONTRADICTED


def test_a_lost_run_is_infinitely_worse_and_a_missing_one_is_no_evidence(
    evidence: Evidence,
) -> None:
    trials = evidence.trials.copy()
    lost = (trials["optimizer"] == "sgd") & (trials["problem"] == LONG)
    trials.loc[lost, "status"] = "diverged"
    trials.loc[lost, "final_train_loss"] = np.nan
    found = the_one(replace(KINDS["better"], by=0.99), replace(evidence, trials=trials))
    assert found.answer is Answer.HOLDS
    assert found.found[0].low == 1.0
    nobody = replace(evidence, trials=evidence.trials[~lost])
    assert the_one(KINDS["better"], nobody).answer is Answer.UNKNOWN
    assert "no result yet" in sentences(Claims([the_one(KINDS["better"], nobody)]))[0]


def test_at_chooses_among_several_configurations(result: bench.Results, evidence: Evidence) -> None:
    claim = replace(KINDS["value"], metric="final_train_loss", optimizers=("sweep", "sgd"))
    best, _ = the_one(claim, evidence).found
    slow, single = the_one(replace(claim, at={"learning_rate": 0.01}), evidence).found
    rates = values(result, "sweep", "final_train_loss")
    assert slow.question.values == pytest.approx(rates[0])
    assert best.question.values == pytest.approx(rates[2])
    assert single.question.values == pytest.approx(values(result, "sgd", "final_train_loss"))


def test_slopes_are_theils() -> None:
    rng = np.random.default_rng(5)
    x, y = np.sort(rng.normal(size=7)), rng.normal(size=(4, 7))
    wanted = [scipy.stats.theilslopes(row, x).slope for row in y]
    assert slope(x, y) == pytest.approx(wanted)
    y[:, -1] = np.inf
    assert np.isfinite(slope(x, y)).all()  # one lost value of seven
    y[:, -4:] = np.nan
    assert np.isinf(slope(np.arange(7.0), y)).all()


def test_the_table_has_a_row_per_claim(evidence: Evidence) -> None:
    claims = [replace(c, expected="holds", source="s") for c in KINDS.values()]
    table = frame(Claims(decide(claims, evidence), frozenset({2})))
    first = [
        "claim",
        "kind",
        "text",
        "source",
        "answer",
        "estimate",
        "low",
        "high",
        "by",
        "expected",
    ]
    assert list(table)[: len(first)] == first
    assert table["claim"].tolist() == [*range(1, len(KINDS) + 1)]
    assert table["made"].tolist() == ["before", "after the fact", *["before"] * (len(KINDS) - 2)]
    margins = dict(zip(KINDS, table["by"], strict=True))
    assert (margins["better"], margins["equals"], margins["rises"]) == (0.1, 0.01, 0.01)
    assert np.isnan([margins["value"], margins["power"], margins["reaches"]]).all()
    assert frame(Claims()).empty
    assert list(frame(Claims())) == list(table)


def test_the_store_gives_the_same(result: bench.Results, evidence: Evidence) -> None:
    with Store.read(result.folder) as store:
        manifest = replace(read_manifest(store), claims=tuple(KINDS.values()))
        found = decided(store, manifest)
    pd.testing.assert_frame_equal(
        frame(Claims(found.decided)), frame(Claims(decide(list(KINDS.values()), evidence)))
    )
    # Nobody has noted these claims before the trials.
    assert found.late == frozenset(range(1, len(KINDS) + 1))
