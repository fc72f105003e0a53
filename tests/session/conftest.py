from collections.abc import Iterator

import pytest

from tests.command import undrawn


@pytest.fixture(autouse=True, scope="module")
def _undrawn() -> Iterator[None]:
    with undrawn():
        yield
