"""A study that was stopped goes on where it stopped, and takes no number of other code."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.studies.validate import kept


def refuse() -> list[float]:
    raise AssertionError("simulated again")


def test_numbers_are_kept_line_by_line(tmp_path: Path) -> None:
    path, said = tmp_path / "some" / "numbers.jsonl", []
    first = kept.Kept(path, 10, say=said.append)
    assert first.of("a", lambda: [0.1, 1 / 3]) == [0.1, 1 / 3]
    assert first.of("b", lambda: [2]) == [2.0]
    assert first.of("a", refuse) == [0.1, 1 / 3]
    again = kept.Kept(path, 10, say=said.append)
    assert again.of("a", refuse) == [0.1, 1 / 3]
    with pytest.raises(AssertionError):
        kept.Kept(path, 11, say=said.append).of("a", refuse)


def test_a_line_that_was_cut_short_is_none(tmp_path: Path) -> None:
    path = tmp_path / "numbers.jsonl"
    kept.Kept(path, 10).of("a", lambda: [1.0])
    path.write_text(path.read_text() + '{"code": "x", "na')
    kept.Kept(path, 10).of("b", lambda: [2.0])
    again = kept.Kept(path, 10)
    assert again.of("a", refuse) + again.of("b", refuse) == [1.0, 2.0]


def test_other_code_has_other_numbers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "numbers.jsonl"
    kept.Kept(path, 10).of("a", lambda: [1.0])
    monkeypatch.setattr(kept, "code", lambda: "other")
    assert kept.Kept(path, 10).of("a", lambda: [7.0]) == [7.0]


def test_without_a_file_nothing_is_kept() -> None:
    none = kept.Kept(None, 10)
    assert none.of("a", lambda: [1.0]) == [1.0]
