from collections.abc import Iterator

import pytest
from hypothesis import settings

from nncore.registry import kept
from tests.command import REGISTRIES, untimed

settings.register_profile("project", deadline=None, derandomize=True, database=None)
settings.load_profile("project")


@pytest.fixture(autouse=True, scope="module")
def _registries_are_left_as_found() -> Iterator[None]:
    """What one module's tests register is none of another's."""
    with kept(*REGISTRIES):
        yield


@pytest.fixture(autouse=True, scope="session")
def _no_epoch_is_timed() -> Iterator[None]:
    with untimed():
        yield
