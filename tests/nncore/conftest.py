from collections.abc import Iterator

import numpy as np
import pytest


@pytest.fixture
def in_a_training() -> Iterator[None]:
    """The floating-point state in which the core computes.

    BLAS raises flags for numbers beside a matrix, whose results it drops: whether a test that calls
    products without this state sees a warning is decided by what lay in memory before.
    """
    with np.errstate(all="ignore"):
        yield
