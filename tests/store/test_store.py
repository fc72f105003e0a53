"""The results file: what goes in comes out, and what was changed underneath is found and named."""

import collections
import json
import os
import resource
import shutil
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from bench.store import records, schema, survey
from bench.store import store as store_module
from bench.store.records import (
    Damage,
    DamagedError,
    FolderError,
    LockedError,
    Record,
    Result,
    StoreError,
)
from bench.store.store import FILE, FRESH, Store, verify
from tests import ROOT

METRICS = ("train_loss", "validation_loss", "test_loss")


def key(number):
    return f"{number:064x}"


def record(number, records=20):
    generator = np.random.default_rng(number)
    if number % 11 == 10:
        return Record.crashed(f"ValueError: {number}")
    epochs = np.arange(records, dtype=np.int64) * (1 + number % 2)
    diverged = 7 if number % 5 == 4 else None
    status = "ok" if diverged is None else "diverged"
    reason = "" if diverged is None else "loss is not finite"
    curve = generator.random((len(METRICS), records))
    curve[0, -1] = np.inf if diverged else -0.0
    return Record(
        status, reason, diverged, bool(number % 3), METRICS, epochs.tobytes(), curve.tobytes()
    )


def result(numbers, **changes):
    keys = tuple(key(n) for n in numbers)
    made = Result(keys, [record(n) for n in numbers], 1.5, 1.75, 1.7e9, 4321, "host", 1)
    return made._replace(**changes)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Sixty trials in stacks of six."""
    path = tmp_path_factory.mktemp("made")
    with Store.open(path) as store:
        store.set_meta(name="example", fingerprint={"numpy": "2"})
        for start in range(0, 60, 6):
            store.add(result(range(start, start + 6)))
    return path


@pytest.fixture
def folder(made, tmp_path):
    """A copy of `made` to do with as one likes."""
    return shutil.copytree(made, tmp_path / "results")


def content(folder):
    """Everything a reader can learn of the trials, by key."""
    with Store.read(folder) as store:
        return dict(store.outcomes([key(n) for n in range(60)]))


def flip(path, offset, mask=0xFF):
    with open(path, "r+b") as file:
        file.seek(offset)
        byte = file.read(1)[0]
        file.seek(offset)
        file.write(bytes([byte ^ mask]))


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


@pytest.mark.parametrize("chunk_bytes", [1, 2000, 1 << 20])
def test_curves_come_in_the_order_asked_for(folder, chunk_bytes):
    numbers = np.random.default_rng(0).permutation(70).tolist()
    with Store.read(folder) as store:
        chunks = list(store.curves([key(n) for n in numbers], chunk_bytes))
    positions = np.concatenate([chunk.positions for chunk in chunks]).tolist()
    assert positions == [i for i, n in enumerate(numbers) if n < 60 and n % 11 != 10]
    for chunk in chunks:
        assert chunk.metrics == METRICS
        for position, values in zip(chunk.positions, chunk.values, strict=True):
            expected = record(numbers[position])
            assert values.tobytes() == expected.curve
            assert chunk.epochs.tobytes() == expected.epochs


def test_stacks_come_out_as_they_went_in(folder):
    with Store.read(folder) as store:
        assert list(store.results()) == [result(range(n, n + 6)) for n in range(0, 60, 6)]


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


def test_a_reader_cannot_write(folder):
    with Store.read(folder) as store, pytest.raises(StoreError, match="for reading only"):
        store.add(result([99]))


def test_nothing_is_made_for_a_reader(tmp_path):
    with pytest.raises(FolderError, match="no results here"):
        Store.read(tmp_path / "nothing")
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


# Damage


@pytest.mark.parametrize("mask", [0xFF, 0x01, 0x03])
def test_every_flipped_byte_is_found_or_changes_nothing(folder, mask):
    path, original, generator = folder / FILE, content(folder), np.random.default_rng(mask)
    whole = path.read_bytes()
    offsets = {*range(0, 100, 3), *range(100, 4096, 97)}
    offsets |= set(generator.integers(0, len(whole), 60).tolist())
    found = 0
    for offset in sorted(offsets):
        path.write_bytes(whole)
        flip(path, offset, mask)
        with_damage = verify(folder)
        found += bool(with_damage)
        try:
            seen = content(folder)
        except StoreError:
            continue
        assert seen.items() <= original.items(), offset
        if seen != original:
            assert with_damage, offset
    assert found > 30


def test_a_flipped_byte_in_every_curve_names_that_trial(folder):
    path = folder / FILE
    whole = path.read_bytes()
    for number in range(0, 60, 7):
        curve = record(number).curve
        if not curve:
            continue
        offset = whole.index(curve[:64]) + 9
        flip(path, offset)
        (item,) = verify(folder)
        assert item.keys == (key(number),)
        assert key(number)[:12] in str(item)
        assert "SHA-256" in str(item)
        seen = content(folder)
        assert key(number) not in seen
        assert len(seen) == 59
        flip(path, offset)
    assert verify(folder) == []


@pytest.mark.parametrize(
    ("text", "what"),
    [(b"diverged", "trial"), (b"validation_loss", "layout"), (b"ValueError", "trial")],
)
def test_scalars_are_sealed_too(folder, text, what):
    path = folder / FILE
    offset = path.read_bytes().index(text + (b"loss" if text == b"diverged" else b""))
    flip(path, offset, 0x01)
    assert any(item.what.startswith(what) for item in verify(folder))


def test_seconds_and_facts_are_sealed_too(folder):
    with sqlite3.connect(folder / FILE) as connection:
        connection.execute("UPDATE stacks SET kernel_seconds = 99 WHERE id = 3")
        connection.execute("UPDATE meta SET value = '\"other\"' WHERE key = 'name'")
    connection.close()
    assert {item.what for item in verify(folder)} == {"stack 3", "meta 'name'"}


@pytest.mark.parametrize("kept", [0, 1, 99, 100, 4095, 4096, 20_000, -4096, -1])
def test_a_truncated_file_is_found(folder, kept):
    path, original = folder / FILE, content(folder)
    os.truncate(path, kept if kept >= 0 else path.stat().st_size + kept)
    assert verify(folder)
    with pytest.raises(DamagedError):
        Store.open(folder)
    with Store.open(folder, repair=True) as store:
        assert dict(store.outcomes([key(n) for n in range(60)])).items() <= original.items()
    assert verify(folder) == []


@pytest.mark.parametrize("data", [b"not a database\n" * 1000, b"\0" * 8192, b"SQLite format 3\0"])
def test_a_file_that_is_no_database_is_refused_and_kept(folder, data):
    path = folder / FILE
    path.write_bytes(data)
    assert verify(folder)
    with pytest.raises(DamagedError, match=FILE):
        Store.open(folder)
    assert path.read_bytes() == data
    with Store.open(folder, repair=True) as store:
        assert len(store) == 0
    assert (folder / "trials.damaged-1.sqlite").read_bytes() == data


def test_repair_keeps_the_damaged_file_and_the_intact_trials(folder):
    path, original = folder / FILE, content(folder)
    offset = path.read_bytes().index(record(7).curve[:64])
    flip(path, offset)
    damaged = path.read_bytes()
    with pytest.raises(DamagedError, match="SHA-256") as error:
        Store.open(folder)
    assert error.value.exit_code == 74
    assert path.read_bytes() == damaged
    with Store.open(folder, repair=True) as store:
        assert [item.keys for item in store.damage] == [(key(7),)]
        assert store.done() == {key(n) for n in range(60)} - {key(7)}
        assert store.meta["name"] == "example"
        store.add(result([7]))
    assert (folder / "trials.damaged-1.sqlite").read_bytes() == damaged
    assert content(folder) == original
    assert verify(folder) == []


def test_another_kind_of_database_is_refused(tmp_path):
    with sqlite3.connect(tmp_path / FILE) as connection:
        connection.execute("CREATE TABLE outcomes (key)")
    connection.close()
    with pytest.raises(StoreError, match="not one of results"):
        Store.read(tmp_path)


def test_a_newer_format_is_refused(folder):
    with sqlite3.connect(folder / FILE) as connection:
        connection.execute("CREATE TABLE more (key)")
        connection.execute(f"PRAGMA user_version = {schema.VERSION + 1}")
    connection.close()
    with pytest.raises(StoreError, match="newer version"):
        Store.open(folder, repair=True)


@pytest.mark.parametrize(
    "trap",
    [
        "CREATE TRIGGER t AFTER INSERT ON outcomes BEGIN DELETE FROM curves; END",
        "CREATE VIEW v AS SELECT load_extension('x')",
    ],
)
def test_a_schema_with_more_than_ours_is_refused(folder, trap):
    with sqlite3.connect(folder / FILE) as connection:
        connection.execute(trap)
    connection.close()
    with pytest.raises(DamagedError, match="schema was changed"):
        Store.read(folder)


def test_values_of_unexpected_types_are_damage_not_errors(folder):
    with sqlite3.connect(folder / FILE) as connection:
        connection.execute("UPDATE outcomes SET status = x'80', diverged_epoch = 'x' WHERE id = 1")
        connection.execute("UPDATE outcomes SET reason = CAST(x'ff80' AS TEXT) WHERE id = 2")
        connection.execute("UPDATE curves SET data = 'text' WHERE id = 3")
        connection.execute("UPDATE layouts SET metrics = '[' WHERE id = 2")
        connection.execute("UPDATE meta SET value = '[' WHERE key = 'name'")
        connection.execute("DELETE FROM curves WHERE id = 5")
    connection.close()
    problems = verify(folder)
    assert {item.what for item in problems} == {"meta 'name'", "layout 2", "trial", "trials"}
    assert {key(n) for n in (0, 1, 2, 4)} <= {k for item in problems for k in item.keys}


def test_a_curve_changed_after_opening_is_not_used(folder):
    with Store.read(folder) as store:
        with sqlite3.connect(folder / FILE) as connection:
            connection.execute("UPDATE curves SET data = zeroblob(length(data)) WHERE id = 4")
        connection.close()
        with pytest.raises(DamagedError, match=key(3)[:12]):
            list(store.curves([key(n) for n in range(60)]))


# One writer


def test_a_second_writer_is_told_who_holds_the_folder(folder):
    with Store.open(folder):
        code = (
            f"from bench.store.store import Store, StoreError\n"
            f"try: Store.open({str(folder)!r})\n"
            f"except StoreError as e: print(type(e).__name__, e.exit_code, e)"
        )
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
        assert f"LockedError 2 {folder}: process {os.getpid()} on " in done.stdout
        with pytest.raises(LockedError):
            Store.open(folder)
        assert len(content(folder)) == 60
    with Store.open(folder) as store:
        assert len(store) == 60


def test_the_lock_of_a_dead_process_does_not_block(folder):
    code = (
        f"import os, signal; from bench.store.store import Store; Store.open({str(folder)!r});"
        f"os.kill(os.getpid(), signal.SIGKILL)"
    )
    done = subprocess.run([sys.executable, "-c", code])
    assert done.returncode == -signal.SIGKILL
    with Store.open(folder) as store:
        assert len(store) == 60


def test_a_kill_inside_a_transaction_leaves_the_earlier_ones(folder):
    code = (
        f"import os, signal; from bench.store.store import Store; s = Store.open({str(folder)!r});"
        f"c = s._connection; c.execute('PRAGMA cache_size = 1'); c.execute('BEGIN IMMEDIATE');"
        f"c.execute('DELETE FROM curves'); c.execute('DELETE FROM outcomes');"
        f"os.kill(os.getpid(), signal.SIGKILL)"
    )
    original = content(folder)
    subprocess.run([sys.executable, "-c", code])
    assert (folder / (FILE + "-journal")).stat().st_size > 0
    assert content(folder) == original
    assert verify(folder) == []


# Nowhere to write


@pytest.fixture
def no_larger_files():
    """A limit on the size of files, as good as a full disk: SQLite gets an error from write()."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    yield lambda size: resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    resource.setrlimit(resource.RLIMIT_FSIZE, before)
    signal.signal(signal.SIGXFSZ, handler)


def fill(store, count):
    for number in range(count):
        store.add(result([number]))


def test_a_full_disk_keeps_earlier_trials_and_the_next_run_goes_on(tmp_path, no_larger_files):
    with Store.open(tmp_path) as store:
        no_larger_files(64 << 10)
        with pytest.raises(StoreError, match="stored before is intact") as error:
            fill(store, 1000)
        assert error.value.exit_code == 74
        stored = len(store)
        assert 10 < stored < 1000
        assert len(store) == stored
        no_larger_files(resource.getrlimit(resource.RLIMIT_FSIZE)[1])
        store.add(result([stored]))
    assert len(content(tmp_path)) == min(stored + 1, 60)
    assert verify(tmp_path) == []


def test_a_full_disk_leaves_no_half_made_store(tmp_path, no_larger_files):
    no_larger_files(4096)
    with pytest.raises(StoreError) as error:
        Store.open(tmp_path / "new")
    assert error.value.exit_code == 74
    assert not (tmp_path / "new" / FILE).exists()


@pytest.mark.parametrize("kind", ["a file", "inside a file", "read only"])
def test_a_folder_that_cannot_be_written_is_refused(tmp_path, kind):
    (tmp_path / "file").write_text("")
    (tmp_path / "ro").mkdir(mode=0o555)
    path = {"a file": "file", "inside a file": "file/x", "read only": "ro"}[kind]
    code = (
        f"import os; os.getuid() or os.setuid(65534)\n"
        f"try: Store.open({str(tmp_path / path)!r})\n"
        f"except StoreError as e: print(type(e).__name__, e.exit_code, e)"
    )
    tmp_path.chmod(0o755)
    for parent in list(tmp_path.parents)[:-2]:
        parent.chmod(0o755)
    code = "from bench.store.store import *\nimport filelock\n" + code
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout.startswith("FolderError 2 "), done.stderr
    assert list((tmp_path / "ro").iterdir()) == []


def test_a_read_only_folder_can_be_read(folder):
    for path in [folder, *list(folder.parents)[:-2]]:
        path.chmod(path.stat().st_mode | 0o555)
    folder.chmod(0o555)
    code = (
        "import os; from bench.store.store import Store; os.getuid() or os.setuid(65534)\n"
        f"with Store.read({str(folder)!r}) as s: print(len(list(s.outcomes(s.statuses()))))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout == "60\n", done.stderr


FULL = """
import sys
from bench.store.store import Store, StoreError
from tests.store.test_store import fill
with Store.open(sys.argv[1]) as store:
    try:
        fill(store, 100_000)
    except StoreError as error:
        print(error.exit_code, len(store), error)
with Store.read(sys.argv[1]) as store:
    print(len(store), store.damage)
"""


def test_a_disk_that_is_full(tmp_path):
    mount = f'mount -t tmpfs -o size=256k none {tmp_path} && exec "$@"'
    command = ["unshare", "-m", "sh", "-c", mount, "sh", sys.executable, "-c", FULL]
    done = subprocess.run([*command, str(tmp_path)], cwd=ROOT, capture_output=True, text=True)
    if done.returncode and "Traceback" not in done.stderr:
        pytest.skip(f"no small disk to be had here: {done.stderr.strip()}")
    first, second = done.stdout.splitlines()
    code, stored, message = first.split(maxsplit=2)
    assert code == "74"
    assert "full" in message
    assert int(stored) > 10
    assert second == f"{stored} []"


def test_json_is_all_that_facts_may_be(folder):
    with Store.open(folder) as store:
        with pytest.raises(TypeError):
            store.set_meta(bad=object())
        store.set_meta(good=[1, {"a": None}])
    with Store.read(folder) as store:
        assert store.meta["good"] == [1, {"a": None}]
        assert "bad" not in store.meta
    assert json.dumps(dict(store.meta))


def test_damage_is_told_in_words():
    many = DamagedError(Path("x"), [Damage("trial", f"{n}") for n in range(1234)])
    *lines, remedy = str(many).splitlines()
    assert len(lines) == 11
    assert lines[-1] == "x: and 1,224 more"
    assert "--repair" in remedy
    assert str(Damage("trial", "is odd", ("ab" * 32,))) == "trial is odd (trial abababababab)"
    assert str(Damage("layout 1", "is odd", ("a", "b"))) == "layout 1 is odd (2 trials)"


# Kinds of rows, and fields that they may get in the middle: what is stored has those of the file.
KINDS = {"Record": ["note"], "Result": ["note"], "Row": [], "Training": []}


@pytest.mark.parametrize("name", KINDS)
def test_fields_are_told_by_name_not_by_place(tmp_path, monkeypatch, name):
    kind = getattr(records, name)
    first, *others = reversed(kind._fields)
    fields = [first, *KINDS[name], *others]
    other = collections.namedtuple(name, fields, defaults=[None] * len(fields))
    for method in {"layout", "crashed", "unknown"} & {*vars(kind)} - {*kind._fields}:
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
    for module in (store_module, survey):
        if hasattr(module, name):
            monkeypatch.setattr(module, name, other)
    given = plain
    if name == "Record":
        given = plain._replace(records=[turned(record) for record in plain.records])
    elif name == "Result":
        given = turned(plain)
    assert named(stored(tmp_path / "turned", given)) == named(expected)
