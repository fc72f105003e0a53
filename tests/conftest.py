from collections.abc import Iterator

import pytest
from hypothesis import settings

from nncore.registry import kept
from tests.command import REGISTRIES

settings.register_profile("project", deadline=None, derandomize=True, database=None)
settings.load_profile("project")


@pytest.fixture(autouse=True, scope="module")
def _registries_are_left_as_found() -> Iterator[None]:
    """What one module's tests register is none of another's."""
    with kept(*REGISTRIES):
        yield
