"""What was changed underneath is found and named, and repaired on request."""

import os
import sqlite3
from pathlib import Path

import numpy as np
import pytest

from bench.store import schema
from bench.store.records import (
    Damage,
    DamagedError,
    StoreError,
)
from bench.store.store import FILE, Store, verify
from tests.store.outcomes import content, flip, key, record, result


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


def test_damage_is_told_in_words():
    many = DamagedError(Path("x"), [Damage("trial", f"{n}") for n in range(1234)])
    *lines, remedy = str(many).splitlines()
    assert len(lines) == 11
    assert lines[-1] == "x: and 1,224 more"
    assert "--repair" in remedy
    assert str(Damage("trial", "is odd", ("ab" * 32,))) == "trial is odd (trial abababababab)"
    assert str(Damage("layout 1", "is odd", ("a", "b"))) == "layout 1 is odd (2 trials)"
