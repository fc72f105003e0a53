"""Everything here performs its fault for real (`make faults`), beside runs that do all they do."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.command import timed

HERE = Path(__file__).parent


@pytest.fixture(autouse=True, scope="package")
def _timed() -> Iterator[None]:
    with timed():
        yield


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.is_relative_to(HERE):
            item.add_marker(pytest.mark.faults)
