"""Results that are kept: computed once, and again when anything changes."""

import itertools
from functools import partial

import numpy as np

from bench.studies.documents import (
    keep,
)

numbers = itertools.count()


def task(value):
    return {"value": np.array([value]), "call": np.array([next(numbers)])}


def test_kept_results_are_computed_once_and_again_when_anything_changes(tmp_path):
    def call(value):
        return keep.gather(tmp_path, {"a": partial(task, value)}, 1)["a"]

    first = call(1.0)
    assert call(1.0) == first
    other = call(2.0)
    assert other["value"] == 2.0
    assert other["call"] != first["call"]
    (tmp_path / "a.npz").write_bytes((tmp_path / "a.npz").read_bytes()[:100])
    mended = call(2.0)
    assert mended["value"] == 2.0
    assert mended["call"] != other["call"]
