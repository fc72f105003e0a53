"""Each document's figure has the numbers it prints as points, and ours through them."""

import copy
import re
from collections import Counter

import numpy as np
import pytest
from matplotlib.figure import Figure

from bench.figures import style
from bench.studies.documents import compared, few_seeds, printed, reproduce, runs
from nncore.stack.training import train
from tests.studies.documents.pages import shortened

SEEDS = 6
TRACES = {trace.problem: trace for trace in printed.unseeded()}


@pytest.fixture(autouse=True)
def few(monkeypatch):
    monkeypatch.setattr(few_seeds, "SEEDS", SEEDS)


@pytest.fixture(scope="module", params=["001", "002", "003"])
def page(request):
    """A document with numbers of its own, the long one shortened."""
    return shortened(lines=4) if request.param == "003" else _one(request.param)


def _one(document):
    return {document: copy.deepcopy(reproduce.load()[document])}


def numbers_of(page):
    """How often every number is printed, but for those that the page cuts off."""
    [document] = page.values()
    return Counter(
        float(number)
        for cell in document["cells"]
        for line in cell["lines"]
        for name, text in line.items()
        if name not in ("at", "cut", line.get("cut"))
        for number in re.findall(r"[-\d][-.\de]*", text)
    )


def picture(page):
    """The figure that is drawn of a document."""
    [document] = page
    return compared.PICTURES[document](reproduce.reproduce(document, page).rows)


def drawn(panel):
    """What a panel draws as points, and as lines: `gid -> y`."""
    with style.applied():
        ax = Figure().subplots()
        compared.numbers(ax, panel)
    return {line.get_gid(): line.get_ydata() for line in ax.lines if line.get_gid()}


def test_every_printed_number_is_a_point_on_ours(page):
    panels = [panel for panel in picture(page).panels if isinstance(panel, compared.Numbers)]
    points, lines = Counter(), Counter()
    for panel in panels:
        found = drawn(panel)
        for gid, y in found.items():
            (points if gid.startswith("printed") else lines).update(y.tolist())
    assert points == lines == numbers_of(page)


def test_a_wrong_digit_is_off_the_line():
    page = _one("002")
    page["002"]["cells"][0]["lines"][56]["loss"] = "1.5"
    found = drawn(picture(page).panels[0])
    assert found["printed 0"][56] == 1.5
    assert found["ours 0"][56] == 1.1877819791340551
    assert np.count_nonzero(found["printed 0"] != found["ours 0"]) == 1


def test_all_runs_of_document_003_are_on_one_axis():
    page = shortened(lines=2)
    loss, accuracy, *_ = picture(page).panels
    cells = [cell for cell in page["003"]["cells"] if cell["run"]["kind"] == "spiral"]
    assert [series.label for series in loss.series] == [
        f"cell {cell['cell']}: {cell['what']}" for cell in cells
    ]
    assert len(accuracy.series) == len(cells) - 1  # one prints its loss alone
    looks = [(series.look.color, series.look.linestyle) for series in loss.series]
    assert len(set(looks)) == len(looks)


@pytest.mark.parametrize("problem", TRACES)
def test_points_without_a_seed_stand_among_seeds(problem):
    trace = TRACES[problem]
    rows = reproduce.reproduce(trace.document).rows
    found = compared.PICTURES[trace.document](rows).panels
    [panel] = [
        part.panel
        for part in found
        if isinstance(part, compared.Seeds) and [*part.panel.printed[0].values] == [*trace.values]
    ]
    assert [*panel.printed[0].epochs] == [*trace.epochs]
    assert len(panel.values) == SEEDS
    assert set(trace.epochs) <= set(panel.epochs)
    ax = Figure().subplots()
    compared.seeds(ax, panel)
    assert any([*line.get_ydata()] == [*trace.values] for line in ax.lines)


@pytest.mark.parametrize("problem", ["blobs", "people", "full_batch"])
def test_curves_of_seeds_are_at_the_epochs_of_the_page(problem):
    """Ours after as many updates as the page had made."""
    trace = TRACES[problem]
    experiment = runs.experiment(few_seeds.SPECS[problem])
    [own] = [p.problem for p in experiment.problems if p.name == problem]
    [configuration] = experiment.optimizers[0].configurations
    [outcome] = train(own, [configuration], [3])
    epochs, values = few_seeds.curves(trace)
    ours = values[3][np.searchsorted(epochs, trace.epochs)]
    np.testing.assert_array_equal(ours, trace.scale * outcome.metrics["train_loss"][trace.records])


def test_figures_repeat_their_bytes(tmp_path):
    report = reproduce.reproduce("002")
    first, second = (
        [path.read_bytes() for path in compared.write(report, ["000", "002"], tmp_path / name)]
        for name in ("a", "b")
    )
    assert first == second
