"""One writer at a time, and disks and folders that cannot be written."""

import os
import resource
import signal
import subprocess
import sys

import pytest

from bench.store.records import (
    LockedError,
    StoreError,
)
from bench.store.store import FILE, Store, verify
from tests import ROOT
from tests.store.outcomes import content, result


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
from tests.store.test_writers import fill
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
