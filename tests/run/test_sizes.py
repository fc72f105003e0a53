"""Sizes of stacks are remembered beside the results: a cache that nothing depends on."""

import json
from pathlib import Path

import pytest

from bench.plan.stacks import stacks
from bench.plan.trials import trials
from bench.run import runner, sizes
from bench.spec.experiment import load
from nncore.stack import fitting

SPEC = {
    "name": "sizes",
    "seeds": 8,
    "problem": [{"dataset": "spiral", "epochs": 6000, "record_every": 6000}],
    "optimizer": [{"rule": "adam", "learning_rate": 0.01}],
}
KNOWN = {"kind": {(4, 2): 1e-5, (8, 8): 2e-5}}


@pytest.fixture(autouse=True)
def _nothing_known():
    fitting.forget()
    yield
    fitting.forget()


def remembered(folder):
    return json.loads((folder / sizes.FILE).read_text())


def trained(folder):
    """Train the trials of SPEC in one stack; their curves."""
    found = {}

    def keep(result):
        found.update(
            (key, record.curve) for key, record in zip(result.keys, result.records, strict=True)
        )

    with runner.Runner(jobs=1, results=folder) as workers:
        workers.run(stacks(trials(load(SPEC)), jobs=1, size=8), on_result=keep)
    return found


def test_a_run_remembers_and_the_next_one_tries_nothing(tmp_path):
    first = trained(tmp_path)
    known = remembered(tmp_path)
    (found,) = known["sizes"].values()
    assert len(found) > 2
    assert all(1 <= block <= size <= 8 for size, block, _ in found)
    # Of what is tried again the seconds would differ.
    assert trained(tmp_path) == first
    assert remembered(tmp_path) == known
    # And what is remembered is what sizes are chosen by: now the smallest is the fastest.
    for row in found:
        row[2] = row[0] * 1e-6
    (tmp_path / sizes.FILE).write_text(json.dumps(known))
    (tmp_path / "scratch").mkdir()
    sizes.bring(tmp_path, tmp_path / "scratch")
    sizes.adopt(tmp_path / "scratch")
    some = trials(load(SPEC))
    own = [trial.seeds for trial in some]
    chosen = fitting.fitting(some[0].problem, [trial.configuration for trial in some], own, {})
    assert chosen.trials == min(size for size, _, _ in found)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[" * 100_000,
        "[]",
        '{"machine": {}, "sizes": {}}',
        '{"machine": MACHINE, "sizes": {"kind": [[1, 2]]}}',
        '{"machine": MACHINE, "sizes": {"kind": [[0, 1, 0.1]]}}',
        '{"machine": MACHINE, "sizes": {"kind": [[1, 1, -0.1]]}}',
        '{"machine": MACHINE, "sizes": {"kind": [[1, 1, NaN]]}}',
        '{"machine": MACHINE, "sizes": {"kind": [[1, 1e400, 0.1]]}}',
        '{"machine": MACHINE, "sizes": []}',
        '{"machine": {"processor": "another"}, "sizes": {"kind": [[4, 2, 1e-05]]}}',
    ],
)
def test_what_is_damaged_or_of_another_machine_is_found_anew(tmp_path, text):
    leaving(tmp_path / "other", tmp_path / "there")
    machine = json.dumps(remembered(tmp_path / "there")["machine"])
    (tmp_path / sizes.FILE).write_text(text.replace("MACHINE", machine))
    leaving(tmp_path / "scratch", tmp_path)
    assert remembered(tmp_path) == remembered(tmp_path / "there")


def leaving(scratch: Path, results: Path):
    """A worker that knows KNOWN comes and goes."""
    scratch.mkdir()
    results.mkdir(exist_ok=True)
    sizes.bring(results, scratch)
    fitting.forget()
    sizes.adopt(scratch)
    fitting.remember(KNOWN)
    sizes.leave(scratch)
    sizes.collect(scratch, results)


def test_what_one_run_finds_is_added_to_what_another_found(tmp_path):
    leaving(tmp_path / "one", tmp_path)
    known = remembered(tmp_path)
    known["sizes"] = {"kind": [[4, 2, 3e-5], [16, 4, 1e-5]], "other": [[1, 1, 1e-5]]}
    (tmp_path / sizes.FILE).write_text(json.dumps(known))
    fitting.forget()
    (tmp_path / "two").mkdir()
    sizes.adopt(tmp_path / "two")
    fitting.remember(KNOWN)
    sizes.leave(tmp_path / "two")
    sizes.collect(tmp_path / "two", tmp_path)
    found = remembered(tmp_path)["sizes"]
    assert sorted(found["kind"]) == [[4, 2, 1e-5], [8, 8, 2e-5], [16, 4, 1e-5]]
    assert found["other"] == [[1, 1, 1e-5]]


def test_where_nothing_can_be_written_nothing_is_said(tmp_path):
    leaving(tmp_path / "one", tmp_path)
    (tmp_path / sizes.FILE).unlink()
    (tmp_path / sizes.FILE).mkdir()
    leaving(tmp_path / "two", tmp_path)
    sizes.collect(tmp_path / "two", tmp_path / "nowhere")
    assert not (tmp_path / "nowhere").exists()
