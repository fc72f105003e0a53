import errno
import os
import socket

import pytest

from nncore.files import open_plain, write_plain


def test_a_plain_file_is_opened_through_links_too(tmp_path):
    (tmp_path / "plain").write_bytes(b"a\r\nb")
    (tmp_path / "link").symlink_to("plain")
    for name in ("plain", "link"):
        with open_plain(tmp_path / name) as file:
            assert file.read() == b"a\r\nb"


SPECIAL = {
    "a FIFO": os.mkfifo,
    "a link to a FIFO": lambda path: (
        os.mkfifo(f"{path}.fifo"),
        os.symlink(f"{path}.fifo", path),
    ),
    "a folder": os.mkdir,
    "a socket": lambda path: socket.socket(socket.AF_UNIX).bind(str(path)),
    "a device": lambda path: os.symlink("/dev/zero", path),
    "a broken link": lambda path: os.symlink("nowhere", path),
    "a circle of links": lambda path: os.symlink(path, path),
}


@pytest.mark.parametrize("kind", SPECIAL)
@pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning")
def test_what_is_no_plain_file_is_refused_at_once(kind, tmp_path):
    path, before = tmp_path / "it", len(os.listdir("/proc/self/fd"))
    SPECIAL[kind](path)
    with pytest.raises(OSError, match="it") as found:
        open_plain(path)
    if kind.startswith("a ") and "link" not in kind:
        assert kind in found.value.strerror
    assert found.value.filename == str(path)
    assert len(os.listdir("/proc/self/fd")) == before


@pytest.mark.parametrize("name", ["a\0b", "\0", "lone \ud800 surrogate"])
def test_names_that_no_file_has(name):
    with pytest.raises(OSError, match="name") as found:
        open_plain(name)
    assert found.value.filename == name


@pytest.mark.parametrize("kind", [kind for kind in SPECIAL if kind != "a broken link"])
@pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning")
def test_nothing_is_put_where_there_is_no_plain_file(kind, tmp_path):
    path = tmp_path / "it"
    SPECIAL[kind](path)
    before = sorted(tmp_path.iterdir())
    with pytest.raises(OSError, match="it") as found:
        write_plain(path, b"content")
    assert (found.value.errno, found.value.filename) == (errno.EINVAL, str(path))
    assert sorted(tmp_path.iterdir()) == before


def test_a_file_is_put_whole_and_its_folders_with_it(tmp_path):
    path = tmp_path / "new" / "it"
    for content in (b"first", b"then"):
        write_plain(path, content)
        assert path.read_bytes() == content
    assert [each.name for each in path.parent.iterdir()] == ["it"]
    with pytest.raises(OSError, match="null byte"):
        write_plain(tmp_path / "a\0b", b"")
