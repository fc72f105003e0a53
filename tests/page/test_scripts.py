"""Functions of the page's scripts beside those that they repeat: in node, without a page."""

from __future__ import annotations

import itertools
import json
import shutil
import subprocess
from importlib import resources
from typing import Any

import numpy as np
import pytest

from bench import stats

pytestmark = [
    pytest.mark.browsers,
    pytest.mark.skipif(shutil.which("node") is None, reason="node is not installed"),
]


def told(expression: str, *scripts: str) -> Any:
    """What an expression is worth where these scripts are, infinities as texts."""
    sources = [(resources.files("bench.page") / f"assets/{n}.js").read_text() for n in scripts]
    own = '(key, v) => (typeof v === "number" && !Number.isFinite(v) ? String(v) : v)'
    code = "\n".join([*sources, f"console.log(JSON.stringify({expression}, {own}))"])
    done = subprocess.run(["node", "-e", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_quantiles_are_those_of_the_tables() -> None:
    ends = (-np.inf, 0.0, 1.5, np.inf)
    samples = [sorted(s) for n in (1, 2, 3, 4) for s in itertools.product(ends, repeat=n)]
    levels = [0.25, 0.5, 0.75]
    words = [[{np.inf: "Infinity", -np.inf: "-Infinity"}.get(v, v) for v in s] for s in samples]
    found = told(
        f"{json.dumps(words)}.map(s => {levels}.map(q => quantile(s.map(Number), q)))", "data"
    )
    expected = [[float(stats.quantile(s, q)) for q in levels] for s in samples]
    np.testing.assert_array_equal([[float(v) for v in row] for row in found], expected)


FILTERS = {
    "< 2": [1],
    "<=2": [1, 2],
    "= inf": ["Infinity"],
    "!= 1": [2, 30, "Infinity"],
    "3": [30],
    "<": [1, 2, 30, "Infinity"],  # there is more to come
}


@pytest.mark.parametrize("words", FILTERS)
def test_a_filter_keeps_what_it_asks_for(words: str) -> None:
    asked = json.dumps(words)
    found = told(f"[1, 2, 30, Infinity].filter(asks({asked}, true))", "data", "state", "tables")
    assert found == FILTERS[words]
