"""Rows in columns: a dictionary of rows is what they are held to."""

import numpy as np
import pytest

from bench.store import rows
from bench.store.keys import Keys
from bench.store.records import Row
from bench.store.rows import NONE, Rows
from tests.store.outcomes import key


def row(number: int) -> Row:
    return Row(
        id=number,
        stack=number // 3,
        layout=number % 2,
        status=("ok", "diverged", "crashed")[number % 3],
        reason=f"reason {number % 5}",
        diverged_epoch=(None, 0, 2**62)[number % 3],
        improved=(None, True, False)[number % 3],
    )


def pairs(seed: int) -> list[tuple[str, Row]]:
    """Keys of which some come again with another row; some end in zeros."""
    rng = np.random.default_rng(seed)
    keys = [*(key(n) for n in range(20)), *(f"{n:02x}".ljust(64, "0") for n in range(1, 20))]
    return [(keys[place], row(n)) for n, place in enumerate(rng.integers(len(keys), size=80))]


@pytest.mark.parametrize("few", [0, 7, 4096])
@pytest.mark.parametrize("way", ["of", "put", "both"])
def test_they_are_a_dictionary(monkeypatch: pytest.MonkeyPatch, way: str, few: int) -> None:
    monkeypatch.setattr(rows, "FEW", few)
    given = pairs(few)
    at_once = {"of": len(given), "put": 0, "both": 30}[way]
    found, expected = Rows.of(given[:at_once]), dict(given)
    for name, value in given[at_once:]:
        found.put(name, value)
        assert found[name] == value
    assert dict(found.items()) == expected
    assert [*found] == [*expected]
    asked = [*expected, key(99), "f" * 64]
    places = found.places(asked)
    assert [found.at(place) for place in places.tolist() if place != NONE] == [*expected.items()]
    assert places.tolist()[-2:] == [NONE, NONE]
    assert all(name in found for name in expected)
    for other in (key(99), "f" * 64, "", "no key", 3):
        assert other not in found
    assert found.words[found.numbers("status")].tolist() == [r.status for r in expected.values()]
    assert Rows.of(expected.items()).fingerprint() == Rows.of(found.items()).fingerprint()
    assert found.fingerprint() != Rows.of(given[:3]).fingerprint()


def test_of_none_nothing_is_found() -> None:
    assert Rows().places([key(1)]).tolist() == [NONE]
    assert key(1) not in Rows()
    assert [*Rows.of([]).items()] == []


def test_keys_read_as_they_are_written() -> None:
    texts = [name for name, _ in pairs(1)]
    keys = Keys.of(texts)
    assert ([*keys], keys[3], [*keys[2:5]]) == (texts, texts[3], texts[2:5])
    assert Keys.of(keys) is keys
    with pytest.raises(ValueError, match="no key"):
        Keys.of(["ab"])
