"""Too little memory is told in a line, whichever thread meets it."""

import threading

import pytest

from bench.cli import no_room


def of_memory():
    try:
        raise MemoryError
    except MemoryError:
        raise RuntimeError("no traceback of it either")  # noqa: B904


@pytest.mark.parametrize(
    ("fail", "told"), [(of_memory, 0), (lambda: {}["x"], 1)], ids=["memory", "a mistake"]
)
def test_a_thread_without_memory_ends_without_a_word(monkeypatch, fail, told):
    found = []
    monkeypatch.setattr(threading, "excepthook", found.append)
    no_room.install()
    no_room.install()
    thread = threading.Thread(target=fail)
    thread.start()
    thread.join()
    assert len(found) == told
