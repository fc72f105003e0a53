"""The results file: what goes in comes out."""

import collections
import json
import os

import numpy as np
import pytest

from bench.store import records, survey
from bench.store import store as store_module
from bench.store.records import (
    FolderError,
    StoreError,
)
from bench.store.store import FRESH, Store, verify
from tests.store.outcomes import METRICS, content, key, record, result


def test_what_goes_in_comes_out(folder):
    assert content(folder) == {key(n): record(n) for n in range(60)}
    with Store.read(folder) as store:
        assert store.meta == {"name": "example", "fingerprint": {"numpy": "2"}}
        assert len(store) == 60
        assert key(3) in store
        assert store.kernel_seconds() == 15.0
        assert store.statuses() == {key(n): record(n).status for n in range(60)}
        assert store.done(retry_crashed=True) == {key(n) for n in range(60) if n % 11 != 10}
        assert store.damage == []


def test_scalars_come_in_the_order_asked_for(folder):
    numbers = [30, 99, 4, 10, 59, 0]
    with Store.read(folder) as store:
        trials = store.trials([key(n) for n in numbers])
    assert trials.positions.tolist() == [0, 2, 3, 4, 5]
    expected = [record(n) for n in numbers if n != 99]
    assert trials.status == [r.status for r in expected]
    assert trials.reason == [r.reason for r in expected]
    assert trials.diverged_epoch == [r.diverged_epoch for r in expected]
    assert trials.improved == [r.improved for r in expected]
    assert trials.train_seconds.tolist() == [0.25] * 5


@pytest.mark.parametrize(("most_bytes", "most"), [(1, 99), (2000, 99), (1 << 20, 7), (1 << 20, 99)])
def test_curves_come_in_the_order_asked_for(folder, most_bytes, most):
    numbers = np.random.default_rng(0).permutation(70).tolist()
    with Store.read(folder) as store:
        chunks = list(store.curves([key(n) for n in numbers], most_bytes, most))
    assert max(len(chunk.positions) for chunk in chunks) <= most
    positions = np.concatenate([chunk.positions for chunk in chunks]).tolist()
    assert positions == [i for i, n in enumerate(numbers) if n < 60 and n % 11 != 10]
    for chunk in chunks:
        assert chunk.metrics == METRICS
        for place, (position, values) in enumerate(zip(chunk.positions, chunk.values, strict=True)):
            expected = record(numbers[position])
            found = {name: column[place] for name, column in chunk.numbers.items()}
            assert found == dict(expected.numbers)
            assert values.tobytes() == expected.curve
            assert chunk.epochs.tobytes() == expected.epochs


def test_stacks_come_out_as_they_went_in(folder):
    with Store.read(folder) as store:
        assert list(store.results()) == [result(range(n, n + 6)) for n in range(0, 60, 6)]


def test_stacks_that_are_stored_together_are_stored_apart(folder, tmp_path):
    some = [result(range(n, n + 6)) for n in range(0, 60, 6)]
    with Store.open(tmp_path / "together") as store:
        store.add(*some)
    assert content(tmp_path / "together") == content(folder)
    with Store.read(tmp_path / "together") as store:
        assert list(store.results()) == some
    with Store.open(tmp_path / "none") as store, pytest.raises(StoreError):
        store.add(some[0], some[1]._replace(host=object()))
    with Store.read(tmp_path / "none") as store:
        assert len(store) == 0


def test_a_trial_that_is_trained_again_replaces_its_outcome(folder):
    with Store.open(folder) as store:
        again = record(1)
        store.add(result([10], records=[again], attempts=3))
        assert store.statuses()[key(10)] == "ok"
    assert content(folder)[key(10)] == again
    assert verify(folder) == []


def test_a_reader_sees_what_is_there_so_far(tmp_path):
    with Store.open(tmp_path) as writer:
        for start in range(0, 12, 4):
            writer.add(result(range(start, start + 4)))
            with Store.read(tmp_path) as reader:
                assert len(reader) == start + 4
                keys = [key(n) for n in range(12)]
                assert dict(reader.outcomes(keys)) == dict(writer.outcomes(keys))
                writer.set_meta(count=start)  # a reader that is open blocks nobody


@pytest.mark.parametrize("part", ["_survey_layouts", "_survey_trials", "_structure"])
def test_what_is_written_while_a_reader_reads_is_no_damage(tmp_path, monkeypatch, part):
    """It reads table by table, and makes no writer wait: in between there may be more."""
    with Store.open(tmp_path) as writer:
        writer.add(result([0]))
        written = []

        def after_a_write(*arguments):
            if not written:
                written.append(1)  # an odd number has a layout of its own
                writer.add(result([1]))
            return real(*arguments)

        real = getattr(survey, part)
        monkeypatch.setattr(survey, part, after_a_write)
        with Store.read(tmp_path) as reader:
            assert reader.damage == []
            assert set(reader.statuses()) == {key(0), key(1)}
            assert len(list(reader.results())) == 2


def test_a_reader_cannot_write(folder):
    with Store.read(folder) as store, pytest.raises(StoreError, match="for reading only"):
        store.add(result([99]))


def test_nothing_is_made_for_a_reader(tmp_path):
    with pytest.raises(FolderError, match="nothing: there is no such folder"):
        Store.read(tmp_path / "nothing")
    with pytest.raises(
        FolderError, match=r"there are no results here \(trials.sqlite is missing\)"
    ):
        Store.read(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_fresh_replaces_what_is_stored_when_it_takes_over_and_goes_on_until_then(folder):
    before = content(folder)
    with Store.open(folder, fresh=True) as store:
        assert len(store) == 0
        assert store.meta == {}
        store.add(result([7]))
        assert content(folder) == before
    with Store.open(folder, fresh=True) as store:
        assert len(store) == 1
        store.take_over()
        store.take_over()
        store.add(result([8]))
    assert len(content(folder)) == 2
    assert verify(folder) == []
    assert not (folder / FRESH).exists()


@pytest.mark.parametrize("size", [0, 100, 5000])
def test_of_a_damaged_fresh_store_nothing_is_kept(folder, size):
    before = content(folder)
    with Store.open(folder, fresh=True) as store:
        store.add(result([7]))
    os.truncate(folder / FRESH, size)
    with Store.open(folder, fresh=True) as store:
        assert len(store) == 0
    assert content(folder) == before


def test_where_nothing_is_stored_fresh_is_as_usual(tmp_path):
    with Store.open(tmp_path / "new", fresh=True) as store:
        store.add(result([7]))
        store.take_over()
        store.add(result([8]))
    assert len(content(tmp_path / "new")) == 2


def test_json_is_all_that_facts_may_be(folder):
    with Store.open(folder) as store:
        with pytest.raises(TypeError):
            store.set_meta(bad=object())
        store.set_meta(good=[1, {"a": None}])
    with Store.read(folder) as store:
        assert store.meta["good"] == [1, {"a": None}]
        assert "bad" not in store.meta
    assert json.dumps(dict(store.meta))


# Kinds of rows, and fields that they may get in the middle: what is stored has those of the file.
KINDS = {"Record": ["note"], "Result": ["note"], "Row": [], "Training": []}


@pytest.mark.parametrize("name", KINDS)
def test_fields_are_told_by_name_not_by_place(tmp_path, monkeypatch, name):
    kind = getattr(records, name)
    first, *others = reversed(kind._fields)
    fields = [first, *KINDS[name], *others]
    other = collections.namedtuple(name, fields, defaults=[None] * len(fields))
    for method in {"layout", "data", "crashed", "unknown"} & {*vars(kind)} - {*kind._fields}:
        setattr(other, method, vars(kind)[method])

    def turned(values):
        return other(**values._asdict())

    def stored(folder, given):
        with Store.open(folder) as store:
            store.add(given)
        with Store.read(folder) as store:
            return [*store.results()], store.stacks(), store.trials(given.keys)

    def named(found):
        if isinstance(found, np.ndarray):
            return found.tolist()
        if hasattr(found, "_asdict"):
            return {n: named(v) for n, v in found._asdict().items() if n != "note"}
        return [named(v) for v in found] if isinstance(found, list | tuple) else found

    plain = result(range(12), started=3.0, pid=7, attempts=2)
    expected = stored(tmp_path / "plain", plain)
    for module in (store_module, survey, records):
        if hasattr(module, name):
            monkeypatch.setattr(module, name, other)
    given = plain
    if name == "Record":
        given = plain._replace(records=[turned(record) for record in plain.records])
    elif name == "Result":
        given = turned(plain)
    assert named(stored(tmp_path / "turned", given)) == named(expected)
