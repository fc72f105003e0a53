"""A store to look at, and copies of it to do with as one likes."""

import shutil

import pytest

from bench.store.store import Store
from tests.store.outcomes import result


@pytest.fixture(scope="session")
def made(tmp_path_factory):
    """Sixty trials in stacks of six."""
    path = tmp_path_factory.mktemp("made")
    with Store.open(path) as store:
        store.set_meta(name="example", fingerprint={"numpy": "2"})
        for start in range(0, 60, 6):
            store.add(result(range(start, start + 6)))
    return path


@pytest.fixture
def folder(made, tmp_path):
    """A copy of `made` to do with as one likes."""
    return shutil.copytree(made, tmp_path / "results")
