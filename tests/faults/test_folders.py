"""Folders that others have had their hands on: read, repaired or refused, at the command line."""

import json
import os
import re
import shutil
import sqlite3

import pandas as pd
import pytest

from bench.report.files import STAMP
from bench.store import schema
from bench.store.lock import HOLDER
from bench.store.store import FILE
from bench.store.survey import AGAIN
from tests.command import bench
from tests.faults.commands import SMALL, stored, tables, typed
from tests.faults.test_hostile import at_most

SECONDS = 60
MINE = "precious"


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A folder with `small.toml`, its results in `out`, and their baseline in `base.json`."""
    folder = tmp_path_factory.mktemp("whole")
    (folder / "small.toml").write_text(SMALL)
    typed("run", "small.toml", "--out", "out", cwd=folder)
    bench("baseline", "out", "--out", "base.json", cwd=folder)
    return folder


@pytest.fixture
def here(whole, tmp_path):
    """A copy of `whole` to be spoilt, beside a file that is nobody's business."""
    shutil.copytree(whole, tmp_path, dirs_exist_ok=True)
    (tmp_path / "mine.txt").write_text(MINE)
    return tmp_path


VERBS = {
    "status": ("status", "out"),
    "report": ("report", "out"),
    "run": ("run", "small.toml", "--out", "out"),
    "check": ("check", "out", "--against", "base.json"),
    "merge": ("merge", "new", "out"),
}


def tried(here, codes, verbs=VERBS):
    """What every verb prints; each ends with one of `codes`, shows no escape code, and hangs not.

    "regression" is a word for numbers that were compared.
    """
    printed = {}
    for verb in verbs:
        with at_most(SECONDS):
            code, said = codes_of(VERBS[verb], here)
        assert code in codes, f"{verb}: {code}: {said}"
        assert all(c.isprintable() or c in "\n\t" for c in said), repr(said)
        assert verb != "check" or code != 1, said
        printed[verb] = said
    return printed


def codes_of(arguments, cwd):
    for code in (0, 1, 2, 3, 74):
        try:
            return code, bench(*arguments, cwd=cwd, code=code)
        except AssertionError as error:
            last = error
    raise last


# What is no plain file


def fifo(path, mine):
    os.mkfifo(path)


def link(path, mine):
    path.symlink_to(mine)


def zeros(path, mine):
    path.symlink_to("/dev/zero")


def nested(path, mine):
    path.mkdir()


NAMES = [FILE, f"{FILE}-journal", f"{FILE}-wal", f"{FILE}-shm", f"{FILE}.new", STAMP, HOLDER]
NAMES += ["spec.toml", "audit.csv", "verdicts.txt", "figures", ".lock"]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("plant", [fifo, link, zeros, nested])
def test_nothing_but_plain_files_is_opened_in_a_folder(here, name, plant):
    path = here / "out" / name
    if path.is_dir():
        shutil.rmtree(path)
    path.unlink(missing_ok=True)
    plant(path, here / "mine.txt")
    tried(here, (0, 2, 74), ("status", "report", "run"))
    assert (here / "mine.txt").read_text() == MINE


STAMPS = {
    "a list": lambda names: [1, names],
    "no names": lambda names: {"digest": "x", "files": None},
    "a null byte": lambda names: {"digest": "x", "files": {"a\0b": "", **names}},
    "names": lambda names: {"digest": "x", "files": names},
}


@pytest.mark.parametrize("case", [*STAMPS, "nesting", "no text"])
def test_what_a_folder_says_of_itself_removes_nothing(here, case):
    import hashlib

    folder = here / "out"
    (folder / "notes.csv").write_text(MINE)
    names = [FILE, ".lock", "../mine.txt", str(here / "mine.txt"), "notes.txt", "figures"]
    (folder / "notes.txt").write_text(MINE)
    (folder / "figures/holiday.png").write_text(MINE)
    names += ["notes.csv", "figures/holiday.png", "figures/../../mine.txt"]
    kept = [folder / name for name in names]
    sizes = dict.fromkeys(names, 1)
    # Even the right content does not make another's file one of a report.
    right = hashlib.sha256(MINE.encode()).hexdigest()
    sizes |= dict.fromkeys(("notes.txt", "../mine.txt", "figures/../../mine.txt"), right)
    text = {"nesting": "[" * 100_000, "no text": "\udcff"}.get(case)
    text = json.dumps(STAMPS[case](sizes)) if text is None else text
    (folder / STAMP).write_text(text, errors="surrogateescape")
    before = stored(folder)
    tried(here, (0,), ("status", "report", "run"))
    assert all(path.exists() for path in kept)
    assert stored(folder) == before


def test_a_report_removes_what_the_last_one_wrote(here):
    (here / "out/notes.csv").write_text("mine")
    figures = sorted((here / "out/figures").iterdir())
    assert figures
    changed = figures[0]
    changed.write_bytes(b"mine now")
    bench("report", "out", cwd=here)  # draws none
    assert sorted((here / "out/figures").iterdir()) == [changed]
    assert (here / "out/notes.csv").exists()


# What was changed


def test_a_file_that_was_changed_is_written_again(here):
    typed("run", "small.toml", "--out", "out", cwd=here)
    folder = here / "out"
    names = json.loads((folder / STAMP).read_text())["files"]
    assert {"trials.csv", "audit.csv", "best.toml"} < set(names)
    figure = next(name for name in names if name.startswith("figures/"))
    before = {name: (folder / name).read_bytes() for name in names}
    for name in ("audit.csv", "verdicts.txt", figure):
        data = bytearray(before[name])
        data[len(data) // 2] ^= 1
        (folder / name).write_bytes(data)
        typed("run", "small.toml", "--out", "out", cwd=here)
        now = {name: (folder / name).read_bytes() for name in names}
        assert now == before


@pytest.mark.parametrize("garbage", [b'\0\xff\n"', b"a,b\n1,2,3,4\n", b"", b'check\n"open'])
def test_garbage_in_a_table_is_written_over(here, garbage):
    bench("run", "small.toml", "--out", "out", cwd=here)
    before = tables(here / "out")
    for name in ("audit.csv", "verdicts.txt", "trials.csv"):
        (here / "out" / name).write_bytes(garbage)
    tried(here, (0,))
    assert tables(here / "out") == before


# What was damaged


def flipped(*places):
    def damage(path):
        data = bytearray(path.read_bytes())
        for place in places:
            data[place] ^= 0xFF
        path.write_bytes(data)

    return damage


def blank(count):
    def damage(path):
        path.write_bytes(bytes(count) + path.read_bytes()[count:])

    return damage


def asked(*statements):
    def damage(path):
        connection = sqlite3.connect(path)
        with connection:
            for statement in statements:
                connection.execute(statement)
        connection.close()

    return damage


def beside(suffix):
    def damage(path):
        path.with_name(path.name + suffix).write_bytes(b"\xd9\xd5\x05\xf9 \xa1c\xd7" * 99)

    return damage


WHOLE = {
    **{f"byte {n} of the header": flipped(n) for n in (0, 16, 17, 18, 19, 21, 28, 31, 47, 59, 71)},
    "the header": blank(100),
    "the schema": blank(schema.PAGE),
    "a word of the schema": asked("PRAGMA writable_schema = ON", "DELETE FROM sqlite_schema"),
    "another table": asked("CREATE TABLE another (x)"),
    "the write-ahead log": asked("PRAGMA journal_mode = WAL"),
    "a log": beside("-wal"),
    "a journal": beside("-journal"),
    "a fingerprint": asked("UPDATE meta SET value = '1' WHERE key = 'fingerprint'"),
    "a fingerprint's seal": asked("UPDATE meta SET sha256 = '' WHERE key = 'fingerprint'"),
    "the manifest": asked("UPDATE meta SET value = '1' WHERE key = 'manifest'"),
}


@pytest.mark.parametrize("case", WHOLE)
def test_repair_keeps_every_row_that_checks_out(here, case):
    WHOLE[case](here / "out" / FILE)
    damaged = (here / "out" / FILE).read_bytes()
    before = tables(here / "out")
    bench(*VERBS["run"], cwd=here, code=74)
    assert (here / "out" / FILE).read_bytes() == damaged
    printed = bench(*VERBS["run"], "--repair", cwd=here)
    assert "trials in" not in printed  # none was trained
    assert tables(here / "out") == before
    assert (here / "out/trials.damaged-1.sqlite").read_bytes() == damaged
    tried(here, (0,))


def test_repair_keeps_what_the_lost_half_leaves(here):
    run = (*VERBS["run"], "--set", "seeds=200")
    bench(*run, cwd=here)
    before = tables(here / "out")
    path = here / "out" / FILE
    os.truncate(path, path.stat().st_size * 3 // 4 + 7)
    printed = bench(*run, "--repair", cwd=here)
    [trained] = re.findall(r"^(\d+) trials in", printed, re.M)
    assert 0 < int(trained) < 400
    assert tables(here / "out") == before


LOST = f"DELETE FROM meta WHERE key IN ('fingerprint', '{AGAIN['fingerprint']}')"


@pytest.mark.parametrize(
    ("statement", "code", "word"),
    [
        (LOST, 2, "lost"),
        ("UPDATE meta SET value = '1' WHERE key LIKE 'finger%'", 74, "fingerprint"),
        ("UPDATE outcomes SET reason = 'x' WHERE id = 1", 74, "trial"),
        ("DELETE FROM curves WHERE id = 1", 74, "trial"),
    ],
)
def test_what_cannot_be_compared_is_no_regression(here, statement, code, word):
    asked(statement)(here / "out" / FILE)
    for verb in ("check", "merge"):
        assert word in bench(*VERBS[verb], cwd=here, code=code)
    assert word in bench("baseline", "out", "--out", "new.json", cwd=here, code=code)
    assert not (here / "new.json").exists()
    assert not (here / "new").exists()


# What someone made by hand


def forged(path, table, column, value, key=None):
    """Change a value of the first row of `table`, with a seal that matches."""
    connection = sqlite3.connect(path)
    with connection:
        names = schema.COLUMNS[table]
        where = f" WHERE key = '{key}'" if key else ""
        found = connection.execute(f"SELECT rowid, {', '.join(names)} FROM {table}{where}")
        number, *values = found.fetchone()
        row = {**dict(zip(names, values, strict=True)), column: value}
        data = b""
        if table == "outcomes":
            query = f"SELECT data FROM curves WHERE id = {number}"
            [data] = connection.execute(query).fetchone()
            row["improved"] = bool(row["improved"]) if row["improved"] in (0, 1) else value
        if table == "layouts":
            data = row["epochs"] if isinstance(row["epochs"], bytes) else b""
        row = schema.sealed(table, row, data)
        setting = ", ".join(f"{name} = :{name}" for name in names if name != "id")
        connection.execute(f"UPDATE {table} SET {setting} WHERE rowid = {number}", row)
    connection.close()


FORGED = [
    *(("stacks", "size", value) for value in (0, -1, "many", b"\xff")),
    *(("stacks", name, "x") for name in ("kernel_seconds", "started", "pid", "attempts")),
    ("stacks", "kernel_seconds", float("inf")),
    ("stacks", "host", b"\x1b[31m"),
    *(("outcomes", "key", value) for value in ("", "\x1b[31m", "../" * 20, b"\xff")),
    *(("outcomes", name, "x") for name in ("stack", "layout", "diverged_epoch", "improved")),
    ("outcomes", "status", "\x1b[31mok"),
    ("outcomes", "diverged_epoch", -1),
    ("outcomes", "improved", 7),
    ("outcomes", "reason", b"\xff"),
    *(("layouts", "metrics", value) for value in ("[" * 9999, "1" * 9999, '{"metrics": 1}', b"x")),
    ("layouts", "epochs", b"123"),
    ("layouts", "epochs", "text"),
]


@pytest.mark.parametrize(("table", "column", "value"), FORGED)
def test_values_of_other_types_are_damage(here, table, column, value):
    forged(here / "out" / FILE, table, column, value)
    printed = tried(here, (1, 74))
    assert "damaged" in printed["status"]
    tried(here, (74,), ("run", "check", "merge"))


FACTS = ["1", "null", "[]", '"x"', "{}", '{"core": 1}', "[" * 9999, "1" * 9999, b"\xff", ""]


@pytest.mark.parametrize("value", FACTS)
@pytest.mark.parametrize("fact", ["manifest", "fingerprint"])
def test_facts_of_other_types_are_damage(here, fact, value):
    forged(here / "out" / FILE, "meta", "value", value, fact)
    asked(f"DELETE FROM meta WHERE key = '{AGAIN['fingerprint']}'")(here / "out" / FILE)
    tried(here, (0, 1, 74), ("status", "report"))
    tried(here, (2, 74), ("check", "merge"))
    # What is asked is the spec's to say.
    tried(here, (0, 74) if fact == "manifest" else (2, 74), ("run",))


def test_a_loss_that_is_none_is_damage(here):
    import struct

    path = here / "out" / FILE
    connection = sqlite3.connect(path)
    [size] = connection.execute("SELECT length(data) FROM curves WHERE id = 1").fetchone()
    with connection:
        nan = struct.pack("d", float("nan")) * (size // 8)
        connection.execute("UPDATE curves SET data = ? WHERE id = 1", (nan,))
    connection.close()
    forged(path, "outcomes", "reason", "")
    for verb in ("report", "check"):
        assert "losses that are none" in bench(*VERBS[verb], cwd=here, code=74)


RED = "\x1b[31m\x07\u202e"


def test_control_characters_of_a_reason_stay_off_the_terminal(here):
    """Reasons of older runs, or of somebody's own making, may hold any."""
    path = here / "out" / FILE
    asked("UPDATE outcomes SET status = 'crashed' WHERE id = 1")(path)
    forged(path, "outcomes", "reason", f"a {RED} reason")
    printed = tried(here, (1,), ("status", "report"))
    assert r"a \x1b[31m\x07\u202e reason" in printed["status"]
    trials = pd.read_csv(here / "out/trials.csv")
    assert trials["reason"].dropna().tolist() == [r"a \x1b[31m\x07\u202e reason"]


def test_control_characters_of_names_are_refused(here):
    connection = sqlite3.connect(here / "out" / FILE)
    query = "SELECT value FROM meta WHERE key = 'manifest'"
    [text] = connection.execute(query).fetchone()
    connection.close()
    found = json.loads(text)
    [name, content] = found["configurations"][0][1:]
    for change in (
        {**content, "rule": RED},
        {**content, "hyperparameters": {**content["hyperparameters"], RED: 1.0}},
        {**content, "schedule": {"name": RED}},
        {**content, "schedule": {"name": "cosine", RED: 1.0}},
    ):
        found["configurations"][0] = [0, name, change]
        forged(here / "out" / FILE, "meta", "value", json.dumps(found), "manifest")
        tried(here, (74,), ("status", "report", "check", "merge"))


RAISES = """
from nncore.rules import rule

@rule
def raises(w, g, t, *, learning_rate=0.1):
    raise ValueError("a \\x1b[31m\\u202e reason")
"""


def test_control_characters_of_an_exception_stay_off_the_terminal(here):
    (here / "raises.py").write_text(RAISES)
    changes = ['plugins=["raises.py"]', "seeds=1"]
    (here / "small.toml").write_text(SMALL.replace('"sgd"', '["sgd", "raises"]'))
    changes = [part for change in changes for part in ("--set", change)]
    printed = bench("run", "small.toml", "--out", "raised", *changes, cwd=here, code=1)
    printed += bench("status", "raised", cwd=here, code=1)
    assert r"a \x1b[31m\u202e reason" in printed
    assert all(c.isprintable() or c == "\n" for c in printed)


# Paths that a user gives


PATHS = {
    "a spec": ("run", "{}"),
    "a plugin": ("run", "small.toml", "--out", "new", "--plugin", "{}"),
    "a plugin to list": ("list", "rules", "--plugin", "{}"),
    "a plugin of a spec": ("run", "small.toml", "--out", "new", "--set", 'plugins=["{}"]'),
    "a baseline": ("check", "out", "--against", "{}"),
    "a baseline to write": ("baseline", "out", "--out", "{}"),
    "a folder": ("report", "{}"),
    "a folder to join": ("merge", "new", "{}"),
    "a folder to write": ("run", "small.toml", "--out", "{}"),
}


@pytest.mark.parametrize("what", PATHS)
@pytest.mark.parametrize("place", ["fifo", "/dev/zero", "/dev/null", "socket", "loop", "a\\u0000b"])
def test_a_path_that_is_no_plain_file_is_refused(here, what, place):
    import socket

    os.mkfifo(here / "fifo")
    os.symlink("loop", here / "loop")
    listening = socket.socket(socket.AF_UNIX)
    listening.bind(os.path.relpath(here / "socket"))
    listening.close()
    if "\\" in place and what != "a plugin of a spec":
        pytest.skip("no argument of a command has null bytes")
    arguments = [argument.format(place) for argument in PATHS[what]]
    device = os.stat("/dev/null").st_rdev
    with at_most(SECONDS):
        bench(*arguments, cwd=here, code=2)
    assert os.stat("/dev/null").st_rdev == device
    assert not (here / "new").exists()


# Code that a plugin imports


IMPORTS = """
from nncore.rules import rule

@rule
def imports(w, g, t, *, learning_rate=0.1):
    "Descent, by a step of another module."
    from family.steps import step
    w -= learning_rate * step(g)
"""
IMPORTS_SPEC = """
seeds = 2
plugins = ["mine.py"]
[[problem]]
dataset = "people"
epochs = 5
[[optimizer]]
rule = "imports"
"""


def test_a_module_that_a_plugin_imports_is_in_the_keys(tmp_path):
    steps = tmp_path / "family/steps.py"
    steps.parent.mkdir()
    steps.write_text("def step(g):\n    return g\n")
    (tmp_path / "mine.py").write_text(IMPORTS)
    (tmp_path / "spec.toml").write_text(IMPORTS_SPEC)
    folder = tmp_path / "results/spec"
    run = ("run", "spec.toml", "--jobs", 1)
    typed(*run, cwd=tmp_path)
    before, trials = tables(folder), pd.read_csv(folder / "trials.csv")
    assert set(trials["status"]) == {"ok"}
    assert "trials in" not in typed(*run, cwd=tmp_path)
    steps.write_text("def step(g):\n    return g / 2\n")
    printed = typed(*run, cwd=tmp_path, code=2)
    assert "plugin mine.py: family.steps changed" in printed
    assert tables(folder) == before
    assert "2 trials in" in typed(*run, "--fresh", cwd=tmp_path)
    changed = pd.read_csv(folder / "trials.csv")
    assert not set(changed["key"]) & set(trials["key"])
    assert (changed["final_train_loss"] != trials["final_train_loss"]).all()


def test_a_plugin_that_came_later_is_known_as_well(tmp_path):
    (tmp_path / "mine.py").write_text(
        IMPORTS.replace("from family.steps import step", "step = abs")
    )
    (tmp_path / "spec.toml").write_text(IMPORTS_SPEC.replace('"imports"', '"sgd"'))
    rules = ("--set", 'optimizer.sgd.rule=["sgd", "imports"]')
    run = ("run", "spec.toml", "--jobs", 1)
    bench(*run, "--set", "plugins=[]", cwd=tmp_path)
    bench(*run, *rules, cwd=tmp_path)
    (tmp_path / "mine.py").write_text(IMPORTS.replace("from family.steps import step", "step = id"))
    assert "plugin mine.py changed" in bench(*run, *rules, cwd=tmp_path, code=2)


def test_what_a_plugin_hides_is_said(tmp_path):
    text = IMPORTS.replace("from family.steps import step", "step = eval('abs')")
    (tmp_path / "mine.py").write_text(text)
    (tmp_path / "spec.toml").write_text(IMPORTS_SPEC)
    printed = bench("run", "spec.toml", "--jobs", 1, cwd=tmp_path)
    assert "mine.py, line 7: eval('abs')" in printed
