"""Cuts of the documents' pages, for tests that cannot wait for all of them."""

import copy

from bench.studies.documents import reproduce


def shortened(*numbers, lines=None):
    """Document 003 with the cells `numbers` alone, or with all, and their first `lines`."""
    page = copy.deepcopy(reproduce.load()["003"])
    page["cells"] = [cell for cell in page["cells"] if not numbers or cell["cell"] in numbers]
    for cell in page["cells"]:
        cell["lines"] = cell["lines"][:lines]
    return {"003": page}
