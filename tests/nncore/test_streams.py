import hashlib
import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nncore.streams import canonical, generator

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)  # fmt: skip


@given(values)
def test_canonical_text_is_json_of_the_value(value):
    text = canonical(value)
    assert json.loads(text) == value
    assert text.isascii()
    assert "\n" not in text


@given(st.dictionaries(st.text(), st.integers(), max_size=5))
def test_order_of_keys_does_not_matter(value):
    assert canonical(value) == canonical(dict(reversed(value.items())))


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_canonical_has_no_nan(value):
    with pytest.raises(ValueError, match="JSON"):
        canonical({"learning_rate": [value]})


def test_a_number_and_its_text_and_types_differ():
    assert len({canonical(v) for v in (1, 1.0, "1", True, None, [1], {"1": 1})}) == 7


def test_generator_is_seeded_by_the_hash_of_its_content():
    digest = hashlib.sha256(b'["order",300,{"a":1.5},7]').digest()
    seed = sum(byte << (8 * k) for k, byte in enumerate(digest))
    expected = np.random.Generator(np.random.PCG64(seed)).random(5)
    np.testing.assert_array_equal(generator("order", 300, {"a": 1.5}, 7).random(5), expected)


@given(st.lists(values, max_size=3), st.lists(values, max_size=3))
def test_other_content_other_numbers(some, other):
    same = generator(*some).random() == generator(*other).random()
    assert same == (canonical(some) == canonical(other))


def test_numbers_that_every_stored_result_rests_on():
    """Where they change, every trial is another one, and stored results would lie."""
    assert generator("order", 5, 0).permutation(5).tolist() == [1, 0, 3, 2, 4]
    normal = [0.5131994341140367, 0.8827201309645906, -0.8705391671002883]
    assert generator("data", "train", 0).standard_normal(3).tolist() == normal
