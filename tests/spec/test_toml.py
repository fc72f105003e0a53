"""Files and values that are no spec: what is said of them."""

import os

import pytest

from tests.spec.mistakes import errors, names

# What is in the file; what is wrong with it, words of where and of what is right.
FILES = [
    (b"", "empty", "[[problem]]", "[[optimizer]]"),
    (b" \n\t\n", "empty", "[[problem]]"),
    (b"\x00\x01", "null bytes", "UTF-8"),
    (b"seeds = 3\nname = '\xff'", "0xff", "line 2", "UTF-8"),
    ("seeds = 3".encode("utf-16"), "not a text file", "UTF-8"),
    (b"seeds = 3\nseeds = 4\n", '"seeds = 4"', "line 2", "twice"),
    (b"[problem]\n[problem]\n", '"[problem]"', "line 2", "twice"),
    (b"seeds = \n", '"seeds ="', "line 1"),
    (b"seeds = [1,\n", '"seeds = [1,"', "line 1"),
    (b"#" * 1_100_000, "larger", "1,000,000 bytes"),
    (b"a = " + b"[" * 20_000, "nested"),
    (b"a." * 100_000 + b"b = 1", "dotted key", "32"),
    (b"a = " + b"1" * 5000, "not TOML", "limit"),
]


@pytest.mark.parametrize("row", FILES, ids=range(len(FILES)))
def test_a_file_that_is_no_spec(tmp_path, row):
    content, *named = row
    path = tmp_path / "bad.toml"
    path.write_bytes(content)
    [error] = errors(path)
    names(error, "", *named, where=path)


def test_no_file(tmp_path):
    (tmp_path / "quick.toml").touch()
    [error] = errors(tmp_path / "quik.toml")
    names(error, "", "no such file", str(tmp_path), "quick.toml", where=tmp_path / "quik.toml")
    [error] = errors(tmp_path)
    names(error, "", "folder", "TOML file", where=tmp_path)
    [error] = errors("\0")
    assert error.startswith(r"\x00: ")
    assert "null byte" in error


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_a_file_that_may_not_be_read(tmp_path):
    path = tmp_path / "locked.toml"
    path.touch(mode=0o000)
    [error] = errors(path)
    names(error, "", "cannot be read", "Permission denied", where=path)


def test_values_that_toml_does_not_have():
    found = errors({"name": None, "seeds": {1: 2}, "problem": object, "description": "\ud800"})
    told = {"name": "NoneType", "seeds": "key 1", "problem": "type", "description": "surrogate"}
    for line, (key, value) in zip(found, told.items(), strict=True):
        names(line, key, value)
    endless: dict = {}
    endless["a"] = endless
    assert "nested too deeply" in errors(endless)[0]
