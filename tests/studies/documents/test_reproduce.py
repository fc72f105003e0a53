"""The documents' printed numbers come out, everywhere, and a wrong digit is named."""

import copy
import os
import platform
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from numpy._core._multiarray_umath import __cpu_dispatch__ as dispatched

from bench.studies.documents import reproduce, reruns
from nncore.reference.layers import EXACT, MIXED
from tests.studies.documents.pages import shortened

SENSITIVE = (38, 66, 110)  # full digits; momentum; float64 weights


def test_every_printed_line_comes_out():
    report = reproduce.reproduce()
    assert [str(mismatch) for mismatch in report.mismatches] == []
    assert report.totals == [
        "document 001: 4 of 4 values",
        "document 002: 220 of 220 lines, 3 of 3 final parameters",
        "document 003: 180 of 180 lines, 1 of 1 first loss, 20 of 20 rates",
    ]
    rows = {row.cell: row.printed for row in report.rows if row.document == "003"}
    assert rows == {
        **{35: 1, 37: 27, 38: 18, 40: 20, 48: 17, 50: 17, 61: 14, 66: 17, 72: 17, 85: 19},
        **{108: 17, 110: 17},
    }


@pytest.mark.parametrize(
    ("document", "cell", "line", "field", "text", "ours"),
    [
        ("001", 6, 0, "output", "0.7216325609518422", "0.7216325609518421"),
        ("002", 3, 56, "loss", "1.1877819791340552", "1.1877819791340551"),
        ("002", 13, 9, "loss", "6.7858241357822797e-09", "6.7858241357822796e-09"),
        ("003", 40, 13, "learning_rate", "0.43478260869565211", "0.4347826086956522"),
        ("003", 37, 1, "accuracy", "0.391", "0.390"),
        ("003", 37, 2, "loss", "1.073", "1.072"),
        ("003", 48, 1, "learning_rate", "0.5025125628140704", "0.5025125628140703"),
    ],
)
def test_a_changed_digit_is_named(document, cell, line, field, text, ours):
    documents = {document: copy.deepcopy(reproduce.load()[document])}
    (changed, *_) = found = [c for c in documents[document]["cells"] if c["cell"] == cell]
    documents[document]["cells"] = found[:1]
    if changed["run"]["kind"] == "spiral":
        changed["lines"] = changed["lines"][: line + 1]
    assert changed["lines"][line][field] == ours
    changed["lines"][line][field] = text
    report = reproduce.reproduce(document, documents)
    where = f"document {document}, cell {cell}, {changed['lines'][line]['at']}"
    [mismatch] = report.mismatches
    assert str(mismatch) == f"{where}: printed {field} {text}, ours {ours}"
    count = len(changed["lines"])
    assert f"{count - 1} of {count} {changed['unit']}" in report.totals[0]


@pytest.mark.parametrize(("text", "matches"), [("0.4", True), ("0.4434", False), ("0.443", True)])
def test_a_cut_field_is_compared_as_far_as_it_goes(text, matches):
    """Cell 50 at epoch 100 has accuracy 0.443."""
    documents = shortened(50, lines=2)
    documents["003"]["cells"][0]["lines"][1] |= {"accuracy": text, "cut": "accuracy"}
    assert (not reproduce.reproduce("003", documents).mismatches) is matches
    del documents["003"]["cells"][0]["lines"][1]["cut"]
    whole = not reproduce.reproduce("003", documents).mismatches
    assert whole is (text == "0.443")


def test_a_document_that_ran_without_a_seed_has_no_cell_to_come_out():
    assert reproduce.reproduce("000").rows == ()


def test_an_unknown_document_is_refused():
    with pytest.raises(
        ValueError, match="document 7 is unknown; there are 000, 001, 002, 003, 004"
    ):
        reproduce.reproduce("7")


def test_the_lost_bias_momentum_is_needed():
    """With momentum for the biases, too, only the first line of cell 61 comes out."""
    documents = shortened(61, lines=4)
    del documents["003"]["cells"][0]["run"]["hyperparameters"]["bias.momentum"]
    assert reproduce.reproduce("003", documents).rows[0].matched == 1


@pytest.mark.parametrize(
    "product",
    [MIXED.product, lambda a, b: EXACT.product(a[:, ::-1], b[::-1])],
    ids=["BLAS", "backwards"],
)
def test_the_order_of_summation_does_not_matter(monkeypatch, product):
    monkeypatch.setattr(reruns, "EXACT", replace(EXACT, product=product))
    report = reproduce.reproduce("003", shortened(*SENSITIVE, lines=8))
    assert report.totals == ["document 003: 24 of 24 lines"]


def test_no_blas_is_called(monkeypatch):
    """What never runs cannot differ: every product of the printed lines is our own."""

    def called(*arguments, **options):
        raise AssertionError("BLAS")

    for name in ("dot", "matmul", "vdot", "inner", "einsum", "tensordot"):
        monkeypatch.setattr(np, name, called)
    with pytest.raises(AssertionError):
        np.dot(1, 1)
    documents = {**reproduce.load(), **shortened(35, 37, *SENSITIVE, lines=1)}
    assert not reproduce.reproduce(None, documents).mismatches


CHILD = """
import numpy as np
from numpy._core._multiarray_umath import __cpu_features__ as cpu, __cpu_dispatch__ as dispatched
assert not any(cpu[name] for name in dispatched), dispatched
from bench.studies.documents import reproduce, reruns
from nncore.reference.layers import MIXED
page = reproduce.load()["003"]
page["cells"] = [cell for cell in page["cells"] if cell["cell"] in {sensitive}]
print(reproduce.reproduce("003", {{"003": page}}).totals)
reruns.EXACT = MIXED  # NumPy's own exp and log
for cell in page["cells"]:
    cell["lines"] = cell["lines"][:{few}]
print(reproduce.reproduce("003", {{"003": page}}).totals)
"""


@pytest.mark.skipif(not dispatched, reason="NumPy has one code path on this processor")
def test_a_processor_without_vector_units_prints_the_same():
    child = subprocess.run(
        [sys.executable, "-c", CHILD.format(sensitive=SENSITIVE, few=8)],
        env={**os.environ, "NPY_DISABLE_CPU_FEATURES": " ".join(dispatched)},
        capture_output=True,
        text=True,
        check=True,
    )
    ours, numpys = child.stdout.splitlines()
    assert ours == "['document 003: 52 of 52 lines']"
    if platform.machine() in ("x86_64", "AMD64"):
        # The written-out functions are what makes it so.
        assert numpys != "['document 003: 24 of 24 lines']"
        assert numpys.endswith("of 24 lines']")
