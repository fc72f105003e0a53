import sys
from collections.abc import Iterator

import pytest
from hypothesis import settings

from bench.cli.catalogue import KINDS

settings.register_profile("project", deadline=None, derandomize=True, database=None)
settings.load_profile("project")


@pytest.fixture(autouse=True, scope="module")
def _registries_are_left_as_found() -> Iterator[None]:
    """What one module's tests register is none of another's: registries are the whole process's."""
    before = {kind: dict(registry._entries) for kind, registry in KINDS.items()}
    yield
    for kind, entries in before.items():
        KINDS[kind]._entries = entries
    for name in [name for name in sys.modules if name.startswith("_plugin_")]:
        del sys.modules[name]
