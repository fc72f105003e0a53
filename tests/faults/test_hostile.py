"""Specs that are wrong, numbers that overflow, folders that someone sent: at the command line."""

import contextlib
import itertools
import json
import os
import shutil
import signal
import sqlite3
import tomllib
from collections import Counter
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bench.cli import main
from bench.session import jobs, submission
from bench.session.results import open_results
from bench.session.submission import prefix
from bench.spec.experiment import SpecError, load
from bench.spec.toml import dumps
from bench.store import schema
from bench.store.store import FILE
from tests.command import bench
from tests.faults.commands import SMALL, tables, typed
from tests.spec.test_spec_properties import SPECS, mutated

# Specs that are wrong

LONGEST_SECONDS = 60
TRIED: Counter[str] = Counter()
MANY = settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@contextlib.contextmanager
def at_most(seconds):
    """A hang ends as a TimeoutError."""

    def end(*_):
        raise TimeoutError

    before = signal.signal(signal.SIGALRM, end)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def says_what_is_wrong(path, *options):
    """Run the spec at `path`; one that is right is only planned."""
    try:
        load(path, options[1::2])
    except SpecError:
        verb, code = ["run"], 2
    else:
        verb, code = ["run", "--dry-run"], 0
    TRIED[f"exit {code}"] += 1
    before = sorted(path.parent.rglob("*"))
    arguments = [*verb, str(path), "--out", str(path.parent / "out"), *options]
    with at_most(LONGEST_SECONDS):
        result = CliRunner().invoke(main, arguments)
    assert result.exit_code == code, result.output
    assert result.exception is None or isinstance(result.exception, SystemExit)
    assert result.output.strip()
    assert "Traceback" not in result.output
    assert sorted(path.parent.rglob("*")) == before, "a file was left"


@MANY
@given(mutated(), st.data())
def test_a_wrong_spec_is_told_and_leaves_nothing(tmp_path, spec, data):
    path = tmp_path / "spec.toml"
    try:
        content = dumps(spec).encode()
    except (TypeError, ValueError):
        content = dumps(SPECS[0]).encode()
    for _ in range(data.draw(st.integers(0, 2))):
        start = data.draw(st.integers(0, len(content)))
        stop = data.draw(st.integers(start, min(len(content), start + 40)))
        content = content[:start] + data.draw(st.binary(max_size=4)) + content[stop:]
    path.write_bytes(content)
    says_what_is_wrong(path)


OVERRIDES = [
    "seeds=0", "seeds=-1", "seeds=1e9", "seeds=[1, 1]", "seeds=nan", 'dtype="float16"',
    "problem.spiral.epochs=1e300", "problem.spiral.epochs=99999999999999999999",
    "problem.spiral.record_every=0", "problem.spiral.dataset.samples=[1, 1]",
    "problem.spiral.dataset.classes=1000000000", 'problem.spiral.layers=["dense 99999999999"]',
    'problem.spiral.name="../../x"', "optimizer.adam.learning_rate=inf", "=", "=1", "a", "\x00=1",
    "optimizer.adam.learning_rate={log=[0, 1], n=5}",
    "optimizer.adam.learning_rate={log=[1e-3, 1], n=1000000000}",
]  # fmt: skip


@pytest.mark.parametrize("override", OVERRIDES)
def test_a_wrong_override_is_told_and_leaves_nothing(tmp_path, override):
    path = tmp_path / "spec.toml"
    path.write_text(dumps(SPECS[0]))
    says_what_is_wrong(path, "--set", override)


# Numbers that overflow

ODD = """
import numpy as np
from nncore.datasets import dataset

def problem(out, last, loss):
    return {
        "layers": ["dense 4", "relu", f"dense {out}", last], "initializer": "normal",
        "loss": loss, "batch_size": "full", "epochs": 20, "record_every": 10,
    }

@dataset(**problem(1, "linear", "mean_squared_error"))
def odd(rng, *, samples=6, scale=1.0, value=0.0):
    "A constant target, and one value that may be anything."
    X = rng.normal(size=(samples, 2)) * scale
    X[0, 0] += {1.0: np.nan, 2.0: np.inf}.get(value, 0.0)
    return X, np.full((samples, 1), 0.5)

@dataset(**problem(2, "softmax", "categorical_crossentropy"))
def single(rng, *, samples=6):
    "One class alone."
    return rng.normal(size=(samples, 2)), np.zeros(samples, int)
"""
ODD_SPEC = """
seeds = 6
plugins = ["odd.py"]
[[problem]]
name = "constant target"
dataset = { name = "odd" }
[[problem]]
name = "one sample"
dataset = { name = "odd", samples = 1 }
[[problem]]
name = "overflow"
dataset = { name = "odd", scale = 1e30 }
[[problem]]
name = "one class"
dataset = { name = "single" }
[[problem]]
name = "one class, one sample"
dataset = { name = "single", samples = 1 }
[[optimizer]]
rule = ["sgd", "adam"]
learning_rate = [0.01, 1e30, 1e300]
"""


def test_hostile_numbers_are_outcomes(tmp_path):
    (tmp_path / "odd.py").write_text(ODD)
    (tmp_path / "odd.toml").write_text(ODD_SPEC)
    typed("run", "odd.toml", cwd=tmp_path)
    folder = tmp_path / "results/odd"
    trials, summary = (pd.read_csv(folder / f"{name}.csv") for name in ("trials", "summary"))
    curves = pd.read_csv(folder / "curves.csv")
    assert len(trials) == 5 * 6 * 6
    assert set(trials.status) == {"ok", "diverged"}
    assert (trials[trials.learning_rate == 1e300].status == "diverged").all()
    assert (trials[trials.problem == "overflow"].status == "diverged").all()
    # Losses are numbers or infinite, everywhere; R squared is empty where targets are constant.
    classes = summary.problem.str.startswith("one class")
    for frame in (trials, summary, curves):
        columns = [c for c in frame if "_loss" in c]
        assert columns
        assert frame[columns].notna().all(axis=None)
    assert summary[[c for c in summary if "_accuracy" in c]][classes].notna().all(axis=None)
    # Diverged trials are counted and infinite in every table.
    keys = ["problem", "optimizer", "learning_rate"]
    counts = trials.assign(diverged=trials.status == "diverged").groupby(keys).diverged.sum()
    found = summary.set_index(keys)
    assert (found.diverged == counts.reindex(found.index)).all()
    assert (found.seeds == 6).all()
    most = found[found.diverged > 3]
    assert np.isposinf(most.final_train_loss_median).all()
    assert np.isposinf(found[found.diverged > 0].final_train_loss_high).all()
    gone = trials[trials.diverged_epoch.notna()].trial
    last = curves.groupby("trial").tail(1).set_index("trial")
    assert np.isposinf(last.loc[gone].train_loss).all()
    ranking = pd.read_csv(folder / "ranking.csv")
    assert ranking["mean_rank" if "mean_rank" in ranking else "rank"].notna().all()
    for path in folder.glob("*.csv"):
        assert "nan" not in path.read_text().lower().replace("nan_", "")


@pytest.mark.parametrize("value", ["1.0", "2.0"], ids=["NaN", "infinity"])
def test_data_that_are_no_numbers_are_told(tmp_path, value):
    (tmp_path / "odd.py").write_text(ODD)
    (tmp_path / "odd.toml").write_text(ODD_SPEC)
    bad = ("run", "odd.toml", "--set", f"problem.overflow.dataset.value={value}")
    printed = bench(*bad, cwd=tmp_path, code=2)
    assert "problem.overflow" in printed
    assert "NaN or infinite values" in printed
    assert not (tmp_path / "results").exists()


# Folders that someone sent


@pytest.fixture(scope="module")
def sent(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sent")
    (folder / "small.toml").write_text(SMALL)
    typed("run", "small.toml", "--out", "out", cwd=folder)
    return folder / "out"


def forge(folder, change, table="meta"):
    """Change what the store of `folder` holds, with seals that match."""
    connection = sqlite3.connect(folder / FILE)
    with connection:
        if table == "meta":
            query = "SELECT value FROM meta WHERE key = 'manifest'"
            manifest = json.loads(connection.execute(query).fetchone()[0])
            manifest = change(manifest) or manifest
            row = {"key": "manifest", "value": json.dumps(manifest)}
            connection.execute(schema.PUT_META, schema.sealed("meta", row))
        else:
            for number, metrics, epochs, _ in connection.execute(
                "SELECT * FROM layouts"
            ).fetchall():
                metrics, epochs = change(metrics, epochs)
                row = {"id": number, "metrics": metrics, "epochs": epochs}
                connection.execute("DELETE FROM layouts WHERE id = ?", (number,))
                connection.execute(schema.PUT_LAYOUT, schema.sealed("layouts", row, epochs))
    connection.close()


def everything(folder):
    return {p: p.read_bytes() for p in sorted(Path(folder).rglob("*")) if p.is_file()}


def test_a_folder_runs_no_code_and_writes_nowhere_else(sent, tmp_path):
    folder = tmp_path / "deep" / "deeper" / "out"
    shutil.copytree(sent, folder)
    (tmp_path / "evil.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')\n")
    (folder / "evil.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')\n")
    names = ["../../evil", "/etc/evil", "..", "a/b", "$\\frac{$", "C:\\x"]

    def change(manifest):
        manifest["spec"]["plugins"] = [str(tmp_path / "evil.py"), "evil.py"]
        problem, configurations = manifest["problems"][0], manifest["configurations"]
        manifest["problems"] = [[name, problem[1]] for name in names]
        manifest["texts"]["problems"] *= len(names)
        for configuration in configurations:
            configuration[1] = "../../optimizer"
        places = itertools.product(range(len(configurations)), range(3))
        manifest["trials"] = [[i, i, c, seed, 1] for i, (c, seed) in enumerate(places)]

    forge(folder, change)
    (folder / "spec.toml").write_text('plugins = ["evil.py"]\n')
    stamp = json.loads((folder / ".report.json").read_text())
    stamp["files"]["../../../evil.py"] = 1
    (folder / ".report.json").write_text(json.dumps(stamp))
    shutil.rmtree(folder / "figures")
    (tmp_path / "elsewhere").mkdir()
    (folder / "figures").symlink_to(tmp_path / "elsewhere")
    (folder / "trials.csv").unlink()
    (folder / "trials.csv").symlink_to(tmp_path / "evil.py")
    outside = {p: data for p, data in everything(tmp_path).items() if folder not in p.parents}
    bench("status", folder, cwd=tmp_path)
    typed("report", folder, cwd=tmp_path)
    assert len(list((folder / "figures").glob("*.png"))) > 2
    bench("report", folder, cwd=folder)
    now = {p: data for p, data in everything(tmp_path).items() if folder not in p.parents}
    assert now == outside
    assert list((tmp_path / "elsewhere").iterdir()) == []
    assert len(pd.read_csv(folder / "trials.csv")) == 6


def test_pickles_are_bytes(sent, tmp_path):
    """A pickle that would run code stands where curves and facts belong."""
    import pickle

    class Evil:
        def __reduce__(self):
            return os.system, (f"touch {tmp_path / 'ran'}",)

    folder = tmp_path / "out"
    shutil.copytree(sent, folder)
    bomb = pickle.dumps(Evil())
    connection = sqlite3.connect(folder / FILE)
    with connection:
        connection.execute("UPDATE curves SET data = ?", (bomb,))
        connection.execute("UPDATE layouts SET epochs = ?", (bomb,))
        connection.execute("UPDATE meta SET value = ? WHERE key = 'environment'", (bomb,))
    connection.close()
    assert "damaged" in bench("status", folder, cwd=tmp_path, code=1)
    bench("report", folder, cwd=tmp_path, code=1)
    assert not (tmp_path / "ran").exists()


def test_a_planted_journal_deletes_nothing(sent, tmp_path):
    """SQLite deletes the super-journal that a journal names, once it has rolled back."""
    folder, victim = tmp_path / "out", tmp_path / "victim"
    shutil.copytree(sent, folder)
    victim.write_text("precious")
    name = os.fsencode(victim)
    page = (folder / FILE).read_bytes()[16:18]
    size = int.from_bytes(page, "big")
    pages = (folder / FILE).stat().st_size // size
    words = (0, 0, pages, 512, size)  # records, nonce, pages, sector, page
    header = bytes.fromhex("d9d505f920a163d7") + b"".join(w.to_bytes(4, "big") for w in words)
    trailer = (
        (1 << 30).to_bytes(4, "big") + name + len(name).to_bytes(4, "big")
        + sum(c - 256 * (c > 127) for c in name).to_bytes(4, "big") + schema.SUPER_JOURNAL
    )  # fmt: skip
    journal = folder / f"{FILE}-journal"
    journal.write_bytes(header.ljust(512, b"\0") + trailer)
    for verb in ("status", "report"):
        printed = bench(verb, folder, cwd=tmp_path, code=74)
        assert "journal" in printed
    assert victim.read_text() == "precious"
    # That it would be deleted otherwise is why this is refused.
    connection = sqlite3.connect(folder / FILE)
    connection.execute("SELECT * FROM meta").fetchall()
    connection.close()
    assert not victim.exists()


def leaves(value, path=()):
    if isinstance(value, dict | list):
        items = value.items() if isinstance(value, dict) else enumerate(value)
        for key, inside in items:
            yield from leaves(inside, (*path, key))
    yield path


STRANGE = st.sampled_from(
    [None, True, -1, 0, 10**30, 1.5, float("inf"), "", "..", "\x1b[31m", "a\nb", [], {}, [[]]]
)


@settings(MANY, max_examples=100)
@given(st.data())
def test_a_forged_manifest_is_read_or_refused(sent, tmp_path, data):
    folder = tmp_path / "forged"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    shutil.copy(sent / FILE, folder / FILE)

    def change(manifest):
        place = data.draw(st.sampled_from([p for p in leaves(manifest) if p]))
        inside = manifest
        for key in place[:-1]:
            inside = inside[key]
        inside[place[-1]] = data.draw(STRANGE)

    forge(folder, change)
    with at_most(LONGEST_SECONDS):
        result = CliRunner().invoke(main, ["status", str(folder)])
    assert isinstance(result.exception, SystemExit | None), repr(result.exception)
    assert result.exit_code in (0, 74), result.output
    assert "\x1b" not in result.output
    assert [p.name for p in folder.iterdir()] == [FILE]


@pytest.mark.parametrize(
    "metrics", ['["x"]', "[]", '["train_loss", "train_loss"]', '"ab"', "{}", "[1]", "["]
)
def test_a_forged_layout_is_damage(sent, tmp_path, metrics):
    folder = tmp_path / "out"
    shutil.copytree(sent, folder)
    forge(folder, lambda _, epochs: (metrics, epochs), "layouts")
    assert "damaged: layout" in bench("status", folder, cwd=tmp_path, code=1)
    bench("report", folder, cwd=tmp_path, code=1)


SUBMISSION = {"jobs": [{"name": "bench-small-{}-train-1", "tasks": 2}], "workers": 1}
SUBMISSIONS = {
    "another's job": json.dumps(SUBMISSION).replace("{}", "0" * 8),
    "every job": '{"jobs": [{"name": "", "tasks": 0}], "workers": 1}',
    "two jobs in one": json.dumps(SUBMISSION).replace("{}-train-1", "{},other"),
    "no list": '{"jobs": 3, "workers": 1}',
    "no tables": '{"jobs": [1], "workers": 1}',
    "no name": '{"jobs": [{"tasks": 1}], "workers": 1}',
    "no step": json.dumps(SUBMISSION).replace("train-1", "train"),
    "endless": json.dumps(SUBMISSION).replace("2", str(10**12)),
    "no number": json.dumps(SUBMISSION).replace("2", '"2"'),
    "deep": "[" * 100_000,
    "large": json.dumps(SUBMISSION) + " " * (1 << 20),
    "no JSON": "{",
    "a list": "[]",
}


def names_of(folder):
    """A submission that names jobs of this folder."""
    return json.dumps(SUBMISSION).replace("{}", prefix("", folder.resolve()).rpartition("-")[2])


def record_of(folder, content):
    (folder / "slurm").mkdir(exist_ok=True)
    (folder / "slurm" / "submission.json").write_text(content)


@pytest.mark.parametrize("what", SUBMISSIONS)
def test_a_forged_submission_is_none(sent, tmp_path, what):
    folder = tmp_path / "out"
    shutil.copytree(sent, folder)
    record_of(folder, SUBMISSIONS[what].replace("{}", prefix("", folder).rpartition("-")[2]))
    with at_most(LONGEST_SECONDS):
        assert "jobs" not in bench("status", folder, cwd=tmp_path)
        assert "nothing was submitted" in bench("cancel", folder, cwd=tmp_path, code=2)


def put_fifo(path):
    path.unlink(missing_ok=True)
    os.mkfifo(path)


def put_link(path):
    elsewhere = path.with_name("elsewhere")
    elsewhere.write_text(path.read_text() if path.exists() else "0\n")
    path.unlink(missing_ok=True)
    path.symlink_to(elsewhere)


@pytest.mark.parametrize("put", [put_fifo, put_link])
def test_a_submission_is_a_plain_file(sent, tmp_path, put):
    folder = tmp_path / "out"
    shutil.copytree(sent, folder)
    record_of(folder, names_of(folder))
    with at_most(LONGEST_SECONDS):
        assert "train-1 " in bench("status", folder, cwd=tmp_path)
        put(folder / "slurm" / "submission.json")
        assert "jobs" not in bench("status", folder, cwd=tmp_path)
        assert "nothing was submitted" in bench("cancel", folder, cwd=tmp_path, code=2)


MARKS = {
    "a FIFO": put_fifo,
    "a link": put_link,
    "a folder": Path.mkdir,
    "bytes": lambda path: path.write_bytes(b"\xff\n"),
    "no code": lambda path: path.write_text("x\n"),
    "large": lambda path: path.write_text("0\n" * 100),
}


@pytest.mark.parametrize("what", MARKS)
def test_a_forged_mark_is_none(sent, tmp_path, what):
    folder = tmp_path / "out"
    shutil.copytree(sent, folder)
    record_of(folder, names_of(folder))
    submission.mark(folder, "train-1-1", 0)
    MARKS[what](folder / "slurm" / "train-1-2.ended")
    with at_most(LONGEST_SECONDS):
        printed = bench("status", "--json", folder, cwd=tmp_path)
    assert json.loads(printed)["slurm"]["steps"]["train-1"]["done"] == 1


def test_a_submission_follows_no_link(sent, tmp_path):
    """What links of a folder lead to is neither gathered nor removed."""
    folder, other = tmp_path / "out", tmp_path / "other"
    shutil.copytree(sent, folder)
    (other / "train-1-1").mkdir(parents=True)
    shutil.copy(sent / FILE, other / "train-1-1")
    (other / "mine.log").touch()
    before = everything(other)
    for shards in (folder / "shards", folder / "shards" / "train-1-1"):
        shutil.rmtree(folder / "shards", ignore_errors=True)
        shards.parent.mkdir(exist_ok=True)
        shards.symlink_to(other / shards.relative_to(folder / "shards"))
        jobs.gather(folder, print)
        assert everything(other) == before
        shards.unlink()
    (folder / "slurm").symlink_to(other)
    submission.clear(folder)
    assert everything(other) == before
    assert not (folder / "slurm").is_symlink()


def test_a_name_in_a_spec_stays_inside(tmp_path):
    spec = tomllib.loads(SMALL)
    spec["problem"][0]["name"] = "../../../problem"
    spec["optimizer"][0]["name"] = "../../optimizer $\\x_{"
    (tmp_path / "inner").mkdir()
    (tmp_path / "inner/spec.toml").write_text(dumps(spec))
    typed("run", "spec.toml", cwd=tmp_path / "inner")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["inner"]
    assert sorted(p.name for p in (tmp_path / "inner").iterdir()) == ["results", "spec.toml"]
    assert [p.name for p in (tmp_path / "inner/results").iterdir()] == ["spec"]
    assert tables(tmp_path / "inner/results/spec")
    for name in ("../x", "/tmp/x", "..", "a/b", ""):
        (tmp_path / "named.toml").write_text(dumps(spec | {"name": name or "/"}))
        bench("run", "named.toml", cwd=tmp_path, code=2)
    assert open_results(tmp_path / "inner/results/spec").missing == 0
