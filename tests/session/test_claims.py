"""Claims in a folder: when they were made, what a report says of them, and the verb."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import bench
from bench.report.write import write
from bench.session.folder import read_manifest
from bench.session.merge import merge
from bench.spec import toml
from bench.spec.claim_tables import COMMON, KINDS, OWN
from bench.store.store import Store
from bench.verdicts.claims import AFTER, BEFORE
from tests import ROOT
from tests.command import bench as command

PAGE = (ROOT / "docs" / "claims.md").read_text(encoding="utf-8")
SPEC: dict[str, Any] = {
    "name": "c",
    "seeds": 7,
    "problem": [{"dataset": "blobs", "epochs": 3}],
    "optimizer": [
        {"rule": "sgd", "learning_rate": 0.5},
        {"name": "twin", "rule": "sgd", "learning_rate": 0.5},
        {"rule": "adam", "learning_rate": 1e-6},
    ],
}
AHEAD = {"text": "SGD is ahead", "better": "sgd", "than": "adam", "by": 1e-6}
TWINS = {"text": "They are one", "same": ["sgd", "twin"]}
FALSE = {"text": "Adam is ahead", "better": "adam", "than": "sgd"}


def run(folder: Path, *claims: dict[str, Any], **options: Any) -> bench.Results:
    options = {"out": folder, "jobs": 1, "report": False, **options}
    return bench.run({**SPEC, "claim": list(claims)} if claims else SPEC, **options)


def made(folder: Path) -> list[str]:
    """What the folder's report says of when its claims were made."""
    with Store.read(folder) as store:
        write(folder, store, read_manifest(store))
    return pd.read_csv(folder / "claims.csv")["made"].tolist()


def test_only_where_something_is_claimed_is_there_a_table_of_claims(tmp_path: Path) -> None:
    run(tmp_path, AHEAD, report=True)
    assert (tmp_path / "claims.csv").exists()
    run(tmp_path, report=True)
    assert not (tmp_path / "claims.csv").exists()


def test_a_claim_that_is_added_or_changed_afterwards_is_marked(tmp_path: Path) -> None:
    run(tmp_path, AHEAD, TWINS)
    assert made(tmp_path) == [BEFORE, BEFORE]
    run(tmp_path, AHEAD, {**TWINS, "by": 0.2}, FALSE)
    assert made(tmp_path) == [BEFORE, AFTER, AFTER]
    # As they were, they are as old as they were; a source says nothing else.
    run(tmp_path, {**AHEAD, "source": "here", "expected": "holds"}, TWINS)
    assert made(tmp_path) == [BEFORE, BEFORE]
    # Another margin is another claim where it is the size.
    with_margin = {**SPEC, "margin": 0.3, "claim": [AHEAD, TWINS]}
    bench.run(with_margin, out=tmp_path, jobs=1, report=False)
    assert made(tmp_path) == [AFTER, AFTER]
    [line, *_] = (tmp_path / "verdicts.txt").read_text().splitlines()
    assert line.startswith("claim 1 holds [after the fact]: SGD is ahead (on blobs, ")


def test_training_the_same_again_makes_no_claim_older(tmp_path: Path) -> None:
    run(tmp_path, AHEAD)
    again = run(tmp_path, AHEAD, FALSE, fresh=True)
    assert again.trained
    assert made(tmp_path) == [BEFORE, AFTER]
    # A new folder has seen nothing.
    run(tmp_path / "new", AHEAD, FALSE, fresh=True)
    assert made(tmp_path / "new") == [BEFORE, BEFORE]


def test_a_merge_keeps_the_marks(tmp_path: Path) -> None:
    first, second = tmp_path / "1", tmp_path / "2"
    run(first, AHEAD, shard=(1, 2))
    run(first, AHEAD, FALSE, shard=(1, 2))
    run(second, AHEAD, FALSE, shard=(2, 2))
    merge(tmp_path / "all", [first, second])
    assert made(tmp_path / "all") == [BEFORE, AFTER]
    merge(tmp_path / "one", [second])
    assert made(tmp_path / "one") == [BEFORE, BEFORE]


@pytest.mark.parametrize(
    ("claims", "code", "said"),
    [
        ([AHEAD, TWINS], 0, "claim 1 holds: SGD is ahead"),
        ([TWINS, FALSE], 1, "claim 2 is contradicted: Adam is ahead"),
        ([TWINS, {**AHEAD, "problem": "blobs", "by": 0.999999}], 1, "claim 2"),
        ([], 2, "claims nothing"),
    ],
)
def test_the_verb(claims: list[Any], code: int, said: str, tmp_path: Path) -> None:
    run(tmp_path / "r", *claims)
    told = command("claims", "r", cwd=tmp_path, code=code)
    assert said in " ".join(told.split())
    command("claims", "nowhere", cwd=tmp_path, code=2)


def test_too_few_seeds_leave_it_open(tmp_path: Path) -> None:
    bench.run({**SPEC, "seeds": 3, "claim": [AHEAD]}, out=tmp_path / "r", jobs=1, report=False)
    told = " ".join(command("claims", "r", cwd=tmp_path, code=3).split())
    assert told.startswith("claim 1 cannot be told: SGD is ahead")
    assert "3 seeds, too few for an interval" in told


def test_seeds_are_added_until_the_claims_are_decided(tmp_path: Path) -> None:
    spec = {**SPEC, "seeds": {"until": "decided", "least": 6, "most": 30}}
    spec["optimizer"] = SPEC["optimizer"][:1] + SPEC["optimizer"][2:]
    alone = bench.run(spec, out=tmp_path / "alone", jobs=1, report=False)
    claims = [{**AHEAD, "text": f"{i}", "by": 1e-6 * (i + 1)} for i in range(30)]
    found = bench.run({**spec, "claim": claims}, out=tmp_path / "many", jobs=1, report=False)
    # Thirty intervals that hold together need more seeds than the one of the pair.
    assert len(found.trials) > len(alone.trials)
    assert found.undecided == 0
    command("claims", "many", cwd=tmp_path, code=0)


def test_the_page_has_an_example_of_every_kind_with_all_its_keys(tmp_path: Path) -> None:
    told = PAGE.partition("## One of each kind")[2]
    spec = tomllib.loads("\n".join(re.findall(r"```toml\n(.*?)```", told, re.DOTALL)))
    for kind, (needs, either, may) in KINDS.items():
        shown = [claim for claim in spec["claim"] if kind in claim]
        keys = {key for claim in shown for key in claim}
        wanted = {*COMMON, kind, *needs, *either, *may}
        if kind == "reaches":
            wanted -= {"metric", "by"}
        assert keys == wanted, kind
    assert {key for claim in spec["claim"] for key in claim} == {*COMMON, *OWN}
    (tmp_path / "page.toml").write_text(toml.dumps(spec))
    command("run", "page.toml", "--no-report", "-q", "--jobs", 1, cwd=tmp_path)
    command("report", "results/page", cwd=tmp_path)
    table = pd.read_csv(tmp_path / "results" / "page" / "claims.csv")
    assert table["answer"].tolist() == [claim["expected"] for claim in spec["claim"]]
    assert table["expected"].tolist() == table["answer"].tolist()
    verdicts = (tmp_path / "results" / "page" / "verdicts.txt").read_text().splitlines()
    said = [re.match(r"claim (\d+) ", line) for line in verdicts[: len(table)]]
    assert [int(m[1]) for m in said if m] == table["claim"].tolist()
