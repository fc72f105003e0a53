"""A submission to Slurm, its jobs done one by one where there is no Slurm: the bytes of a run."""

import contextlib
import functools
import json
import os
import re
import shlex
import shutil
import signal
import sqlite3
from pathlib import Path

import pytest

from bench.page import library
from bench.run import slurm
from tests.command import bench
from tests.faults.commands import Running, stored, tables

PLAIN = """
seeds = 6
[[problem]]
name = "table"
dataset = { name = "csv", path = "mine.csv", target = "y" }
epochs = 5
[[problem]]
dataset = "people"
epochs = 20
[[optimizer]]
rule = ["sgd", "adam"]
learning_rate = [0.1, 1.0, 1e6]
"""
TUNED = PLAIN + "[tuning]\nseeds = 2\n"
ROUNDS = PLAIN.replace("seeds = 6", 'seeds = { until = "decided", least = 3, most = 12 }').replace(
    "[0.1, 1.0, 1e6]", "0.1"
)
SPECS = {"plain": PLAIN, "tuned": TUNED, "rounds": ROUNDS}

# Commands that do as Slurm's, but run nothing: what is sent is written down.
SBATCH = """#!/bin/sh
echo "$@" >> "{folder}/sent"
[ ! -e "{folder}/deadly" ] || [ $(wc -l < "{folder}/sent") -lt 2 ] || kill -9 $PPID
[ ! -e "{folder}/full" ] || [ $(wc -l < "{folder}/sent") -lt 3 ] || {{ echo full >&2; exit 1; }}
wc -l < "{folder}/sent"
"""
SQUEUE = '#!/bin/sh\necho "$@" >> "{folder}/asked"\ncat "{folder}/queue" 2>/dev/null\ntrue\n'
SCANCEL = '#!/bin/sh\necho "$@" >> "{folder}/cancelled"\n'


@pytest.fixture
def commands(tmp_path, monkeypatch):
    folder = tmp_path / "commands"
    folder.mkdir()
    for name, text in {"sbatch": SBATCH, "squeue": SQUEUE, "scancel": SCANCEL}.items():
        (folder / name).write_text(text.format(folder=folder))
        (folder / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(folder), prepend=os.pathsep)
    monkeypatch.delenv("SLURM_ARRAY_TASK_ID", raising=False)
    return folder


def written(tmp_path, text):
    rows = [f"{n % 7},{n % 5},{'ab'[n % 3 == 0]}" for n in range(60)]
    (tmp_path / "mine.csv").write_text("\n".join(["u,v,y", *rows]))
    (tmp_path / "mine.toml").write_text(text)
    return tmp_path


def submitted(folder, *arguments, code=0):
    command = ("submit", "mine.toml", "--tasks", 3, "--out", "out", *arguments)
    return bench(*command, cwd=folder, code=code)


def sent(commands):
    """The scripts that were sent since this was last asked, with what each waits for."""
    path = commands / "sent"
    lines = path.read_text().splitlines()
    path.unlink()
    return [shlex.split(line) for line in lines]


def done(folder, line, *, but=(), codes=()):
    """Do what a script asks for, every task of it; `but` are tasks that are killed before.

    What they print.
    """
    text = Path(line[-1]).read_text()
    *_, command = text.splitlines()
    words = shlex.split(command)
    arguments = words[words.index("bench") + 1 :]
    array = re.search(r"--array=1-(\d+)", text)
    printed = []
    for number in range(1, int(array[1]) + 1) if array else [0]:
        if number not in but:
            part = ["--part", number] if number else []
            code = dict(codes).get(number, 0)
            printed.append(bench(*arguments, *part, cwd=folder, code=code))
    return "".join(printed)


def submitted_again_it_is_whole(folder, commands, *arguments):
    """Submitted once more and all of it done: the tables of a run that nobody disturbed."""
    printed = submitted(folder, *arguments)
    for line in sent(commands):
        done(folder, line)
    bench("run", "mine.toml", *arguments, "--out", "alone", "--jobs", 2, cwd=folder)
    assert tables(folder / "out") == tables(folder / "alone")
    return printed


SLOWEST = pytest.mark.faults


@pytest.mark.parametrize(
    "kind", ["tuned", *(pytest.param(k, marks=SLOWEST) for k in ("plain", "rounds"))]
)
def test_its_jobs_one_by_one_give_the_bytes_of_a_run(tmp_path, commands, kind):
    folder = written(tmp_path, SPECS[kind])
    printed = submitted(folder, "--slurm", "time=01:00:00", "--slurm", "array=%2")
    chain = sent(commands)
    trainings = {"plain": 1, "tuned": 2, "rounds": 4}[kind]
    assert len(chain) == 2 * trainings + 1
    assert "queued" in printed
    for line in chain:
        done(folder, line)
    bench("run", "mine.toml", "--out", "alone", "--jobs", 2, cwd=folder)
    assert stored(folder / "out") == stored(folder / "alone")
    assert tables(folder / "out") == tables(folder / "alone")
    assert list((folder / "out" / "shards").iterdir()) == []
    printed = bench("status", "out", cwd=folder)
    assert "failed: " not in printed
    assert submitted(folder).startswith("nothing is missing")


def test_each_job_waits_for_what_it_needs(tmp_path, commands):
    submitted(written(tmp_path, TUNED))
    scripts = [(line[1:-1], os.path.basename(line[-1])) for line in sent(commands)]
    ok = "--kill-on-invalid-dep=yes"
    assert scripts == [
        ([], "train-1.sh"),
        (["--dependency=afterany:1", ok], "gather-1.sh"),
        (["--dependency=afterok:2", ok], "train-2.sh"),
        (["--dependency=afterany:3,afterok:2", ok], "gather-2.sh"),
        (["--dependency=afterany:4", ok], "report.sh"),
    ]


def test_what_was_killed_is_sent_again_and_nothing_else(tmp_path, commands):
    folder = written(tmp_path, PLAIN)
    submitted(folder)
    train, gather, report = sent(commands)
    done(folder, train, but=[2])
    (folder / "out" / "slurm" / "train-1-2.log").write_text("half a line")  # Slurm writes it
    printed = bench("status", "out", cwd=folder)
    assert "failed: train-1-2: see " in printed
    done(folder, gather, codes={0: 1})
    done(folder, report, codes={0: 1})
    before = len(stored(folder / "out"))
    whole = int(re.search(r"of (\d+) trials done", printed)[1])
    printed = submitted_again_it_is_whole(folder, commands)
    assert f"queued {whole - before} trials" in printed


@pytest.mark.parametrize("kind", ["tuned", pytest.param("rounds", marks=SLOWEST)])
def test_what_follows_from_results_is_sent_again(tmp_path, commands, kind):
    folder = written(tmp_path, SPECS[kind])
    submitted(folder)
    train, gather, *later = sent(commands)
    for line in (train, gather):
        done(folder, line)
    done(folder, later[0], but=[2])
    done(folder, later[1], codes={0: 1})
    submitted_again_it_is_whole(folder, commands)


def test_a_spec_that_has_grown_meets_shards_of_before(tmp_path, commands):
    folder = written(tmp_path, PLAIN)
    submitted(folder)
    train, *_ = sent(commands)
    done(folder, train, but=[3])
    submitted_again_it_is_whole(folder, commands, "--set", "seeds=8")


def without_a_curve(path):
    with contextlib.closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("UPDATE curves SET data = x'00' WHERE id = 1")


def of_no_stack(path):
    with contextlib.closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("UPDATE stacks SET sha256 = x'00'")


DAMAGED = [
    without_a_curve,
    functools.partial(os.truncate, length=100),
    *(pytest.param(functools.partial(os.truncate, length=n), marks=SLOWEST) for n in (0, 20_000)),
]


@pytest.mark.parametrize("damage", DAMAGED)
def test_a_damaged_file_of_a_task_costs_what_was_in_it(tmp_path, commands, damage):
    folder = written(tmp_path, PLAIN)
    submitted(folder)
    train, gather, _ = sent(commands)
    done(folder, train)
    damaged = folder / "out" / "shards" / "train-1-2" / "trials.sqlite"
    damage(damaged)
    left = damaged.read_bytes()
    done(folder, gather, codes={0: 1})
    assert damaged.with_name("trials.damaged-1.sqlite").read_bytes() == left
    submitted_again_it_is_whole(folder, commands)


def test_a_task_that_is_queued_again_goes_on(tmp_path, commands):
    folder = written(tmp_path, PLAIN)
    submitted(folder)
    train, gather, report = sent(commands)
    done(folder, train)
    shard = folder / "out" / "shards" / "train-1-1"
    before = stored(shard)
    done(folder, train, but=[2, 3])
    assert stored(shard) == before
    for line in (gather, report):
        done(folder, line)


@SLOWEST
@pytest.mark.skipif(not shutil.which("prlimit"), reason="no prlimit here")
def test_a_full_disk_under_one_task_costs_the_others_nothing(tmp_path, commands):
    folder = written(tmp_path, PLAIN)
    submitted(folder)
    train, gather, _ = sent(commands)
    done(folder, train, but=[2])
    running = Running(
        *("slurm-job", "train-1", folder / "out", 3, "--part", 2), cwd=folder, limit=45_000
    )
    code, printed = running.wait()
    assert code == 74, printed
    assert "Traceback" not in printed
    done(folder, gather, codes={0: 1})
    submitted_again_it_is_whole(folder, commands)


@SLOWEST
def test_killed_while_it_submits_it_is_submitted_again(tmp_path, commands):
    folder = written(tmp_path, PLAIN)
    (commands / "deadly").touch()
    running = Running("submit", "mine.toml", "--tasks", 3, "--out", "out", cwd=folder)
    assert running.wait()[0] == -signal.SIGKILL
    train, _ = sent(commands)
    (commands / "deadly").unlink()
    name = re.search("--job-name=(.*)", Path(train[-1]).read_text())[1]
    (commands / "queue").write_text(f"{name}|1|2|RUNNING\n")
    assert "1 task of it queued or running" in submitted(folder, code=2)
    (commands / "queue").unlink()
    done(folder, train, but=[2])
    submitted_again_it_is_whole(folder, commands)


@pytest.mark.parametrize("verb", ["submit", "run", "variance"])
def test_without_the_pages_library_nothing_is_begun(tmp_path, commands, monkeypatch, verb):
    folder = written(tmp_path, PLAIN)
    monkeypatch.setattr(library, "PACKAGE", "no_such_package")
    options = ["--tasks", 3] if verb == "submit" else []
    printed = bench(verb, "mine.toml", "--out", "out", *options, cwd=folder, code=2)
    assert "no_such_package" in printed
    assert not (folder / "out").exists()
    if verb == "submit":
        submitted(folder, "--no-html")
        for line in sent(commands):
            done(folder, line)
        assert (folder / "out" / "summary.csv").exists()
        assert not (folder / "out" / "report.html").exists()


def test_half_a_chain_is_withdrawn(tmp_path, commands):
    folder = written(tmp_path, PLAIN)
    (commands / "full").touch()
    assert "sbatch said no: full" in submitted(folder, code=74)
    assert (commands / "cancelled").read_text() == "1 2\n"
    assert "nothing was submitted here" in bench("cancel", "out", cwd=folder, code=2)
    (commands / "full").unlink()
    (commands / "sent").unlink()
    submitted_again_it_is_whole(folder, commands)


def test_half_a_chain_that_stays_is_told(tmp_path, commands):
    folder = written(tmp_path, PLAIN)
    (commands / "full").touch()
    (commands / "scancel").write_text("#!/bin/sh\nexit 1\n")
    printed = submitted(folder, code=74)
    assert "sbatch said no: full" in printed
    assert "`bench cancel " in printed
    assert "nothing was submitted" not in bench("cancel", "out", cwd=folder)


def test_status_and_cancel_go_by_what_squeue_says(tmp_path, commands):
    folder = written(tmp_path, PLAIN)
    submitted(folder)
    train, _, report = sent(commands)
    done(folder, train, but=[2, 3])
    names = [
        re.search("--job-name=(.*)", Path(line[-1]).read_text())[1] for line in (train, report)
    ]
    (commands / "queue").write_text(
        f"{names[0]}|7|2|RUNNING\n{names[0]}|7|3|PENDING\n{names[1]}|9|N/A|PENDING\n"
    )
    found = json.loads(bench("status", "out", "--json", cwd=folder))["slurm"]
    assert found["steps"] == {
        "train-1": {"done": 1, "running": 1, "queued": 1},
        "gather-1": {"not begun": 1},
        "report": {"queued": 1},
    }
    assert found["seconds_left"] > 0
    assert found["failed"] == found["damage"] == []
    printed = bench("status", "out", cwd=folder)
    assert " left" in printed
    assert "3 tasks of out ended" in bench("cancel", "out", cwd=folder)
    assert (commands / "cancelled").read_text() == "7 9\n"


@pytest.mark.parametrize("damage", [of_no_stack, without_a_curve])
def test_status_of_damaged_shards(tmp_path, commands, damage):
    folder = written(tmp_path, PLAIN)
    submitted(folder)
    train, *_ = sent(commands)
    done(folder, train, but=[3])
    name = re.search("--job-name=(.*)", Path(train[-1]).read_text())[1]
    (commands / "queue").write_text(f"{name}|7|3|RUNNING\n")
    damage(folder / "out" / "shards" / "train-1-2" / "trials.sqlite")
    printed = bench("status", "out", cwd=folder, code=1)
    assert "damaged: train-1-2: " in printed
    assert " left" in printed


def test_what_is_left_is_shared_by_all_workers(tmp_path, commands):
    folder = written(tmp_path, PLAIN)
    left = []
    for jobs in (1, 4):
        submitted(folder, "--jobs", jobs)
        train, *_ = sent(commands)
        done(folder, train, but=[3] if jobs == 1 else [1, 2, 3])
        name = re.search("--job-name=(.*)", Path(train[-1]).read_text())[1]
        (commands / "queue").write_text(f"{name}|7|3|RUNNING\n")
        slurm_ = json.loads(bench("status", "out", "--json", cwd=folder))["slurm"]
        left.append(slurm_["seconds_left"])
        (commands / "queue").unlink()
    assert left[0] == pytest.approx(4 * left[1])


REFUSED = {
    "none": (["--tasks", "20_000"], "give a number from 1 to 10,000"),
    "no slurm": ([], "sbatch, squeue, scancel: no such command"),
    "ours": (["--slurm", "output=x"], "--slurm output=x: `bench submit` says that itself"),
    "range": (["--slurm", "array=1-3"], "of an array only how many run at once"),
    "no option": (["--slurm", "Time limit=3"], "write KEY=VALUE, as time=01:00:00"),
    "spec": (["--set", "problem.people.epoch=3"], 'did you mean "epochs"'),
    "plugin": (["--plugin", "none.py"], "none.py: cannot be read"),
    "jobs": (["--jobs", "2", "--slurm", "cpus-per-task=3"], "give one of them"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_cannot_be_submitted_is_refused_before_anything_is(
    tmp_path, commands, monkeypatch, what
):
    folder = written(tmp_path, PLAIN)
    arguments, told = REFUSED[what]
    if what == "no slurm":
        monkeypatch.setenv("PATH", str(tmp_path))
    assert told in submitted(folder, *arguments, code=2)
    assert not (folder / "out").exists()
    assert not (commands / "sent").exists()


def test_what_is_said_of_data_and_plugins_is_said_beforehand(tmp_path, commands):
    folder = written(tmp_path, PLAIN)
    rows = (folder / "mine.csv").read_text().splitlines()
    numbers = ["n", *range(1, len(rows))]
    numbered = [f"{n},{row}" for n, row in zip(numbers, rows, strict=True)]
    (folder / "mine.csv").write_text("\n".join(numbered))
    (folder / "mine.py").write_text("def names():\n    return open('mine.toml').read()\n")
    printed = submitted(folder, "--plugin", "mine.py")
    assert "table: " in printed
    assert "mine.py" in printed
    assert len(sent(commands)) == 3


RULE = """
from nncore.rules import rule

@rule
def mine(w, g, t, *, learning_rate=0.1):
    "Mine."
    w -= {} * learning_rate * g
"""
WITH_RULE = 'plugins = ["mine.py"]' + PLAIN + '[[optimizer]]\nrule = "mine"\n'
CHANGED = {
    "mine.csv": ("\n1,2,a", "problem table changed"),
    "mine.py": (RULE.format(2), "plugin mine.py changed"),
}


@pytest.mark.parametrize("name", CHANGED)
def test_what_changes_while_jobs_wait_is_refused(tmp_path, commands, name):
    folder = written(tmp_path, WITH_RULE)
    (folder / "mine.py").write_text(RULE.format(1))
    submitted(folder)
    train, gather, _ = sent(commands)
    added, told = CHANGED[name]
    before = (folder / name).read_text()
    with (folder / name).open("a") as file:
        file.write(added)
    assert told in done(folder, train, codes={1: 2, 2: 2, 3: 2})
    (folder / name).write_text(before)
    done(folder, train)
    with (folder / name).open("a") as file:
        file.write(added)
    assert told in done(folder, gather, codes={0: 2})


def test_a_machine_that_computes_otherwise_is_refused(tmp_path, commands):
    folder = written(tmp_path, PLAIN)
    submitted(folder)
    train, *_ = sent(commands)
    done(folder, train, but=[2, 3])
    path = folder / "out" / "slurm" / "fingerprint.json"
    first = json.loads(path.read_text())
    path.write_text(json.dumps({**first, "vectors": "others"}))
    done(folder, train, but=[1, 3], codes={2: 2})


def test_a_dry_run_prints_the_scripts_and_writes_nothing(tmp_path, commands):
    folder = written(tmp_path, TUNED)
    options = ("--slurm", "time=10", "--slurm", "array=%2", "--jobs", 2)
    printed = submitted(folder, "--dry-run", *options)
    assert printed.count("#!/bin/sh") == 5
    assert printed.count("#SBATCH --array=") == printed.count("#SBATCH --array=1-3%2") == 2
    assert printed.count("#SBATCH --time=10") == 5
    assert printed.count("#SBATCH --cpus-per-task=2") == 2
    assert not (folder / "out").exists()
    assert not (commands / "sent").exists()


def test_a_dry_run_tells_what_would_be_gathered(tmp_path, commands):
    folder = written(tmp_path, TUNED)
    submitted(folder)
    train, *_ = sent(commands)
    done(folder, train, but=[3])
    printed = submitted(folder, "--dry-run")
    first, then = (int(re.search(p, printed)[1]) for p in (r"gather (\d+)", r"queue (\d+) trials"))
    done(folder, train)
    printed = submitted(folder, "--dry-run")
    assert f"would gather {first + then} trials of earlier tasks first" in printed
    assert "nothing is missing" not in printed


def test_values_of_options_are_quoted_as_sbatch_reads_them():
    job = slurm.Job("name", ["a b", "c"], slurm.Path("/x y/%/a-%a.log"), {"comment": 'say "hi"'}, 2)
    assert slurm.script(job).splitlines() == [
        "#!/bin/sh",
        "#SBATCH --job-name=name",
        '#SBATCH --output="/x y/%%/a-%a.log"',
        "#SBATCH --open-mode=append",
        "#SBATCH --requeue",
        r'#SBATCH --comment="say \"hi\""',
        "#SBATCH --array=1-2",
        "exec 'a b' c",
    ]
