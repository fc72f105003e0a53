"""A small experiment whose names are markup, formulas and templates, and stay names."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import pytest

from bench.figures import pages

EVIL = "<script>document.title='taken'</script>"
BOLD = "<b>bold</b> &lt;i&gt;"
CODED = "%{y} $x_1$ ${y} </script>"
MADE = "constructor"  # what every object of a script has
RATES = [0.1, 0.1001, 0.5, 100.0]  # two alike in three digits
SPEC: dict[str, Any] = {
    "name": "page",
    "seeds": 7,
    "tuning": {"seeds": 3},
    "problem": [
        {"name": EVIL, "dataset": "blobs", "epochs": 20, "batch_size": 5, "target": {"loss": 0.3}},
        {"name": "people, two", "dataset": "people", "epochs": 20, "record_every": 4},
        {"dataset": "neuron", "epochs": 5},
    ],
    "optimizer": [
        {"rule": "sgd", "name": BOLD, "learning_rate": RATES, "momentum": [0.0, 0.9]},
        {"rule": "adam", "name": CODED, "learning_rate": [0.01, 0.1]},
        {"rule": "adagrad", "name": MADE, "learning_rate": [0.1, 1.0]},
    ],
}


@contextlib.contextmanager
def pictured() -> Iterator[None]:
    """Reports get the one figure that the page shows as a picture."""
    own = [page for page in pages.of(()) if page.name == "ranking"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pages, "of", lambda plugins: own)
        yield
