"""`result.plot` and `bench plot`: charts of results as a user holds them."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest
from click.testing import CliRunner
from matplotlib.figure import Figure

import bench
from bench.cli import main
from bench.figures.charts import ChartError, charts
from tests import ROOT

SPEC = {
    "name": "x",
    "seeds": 2,
    "problem": {"name": "f", "dataset": "people", "epochs": 4, "batch_size": 1},
    "optimizer": [
        {"rule": "sgd", "learning_rate": [0.01, 0.1], "decay": [0.0, 0.1]},
        {"name": "sam", "rule": "sgd", "wrap": "sam", "learning_rate": 0.01},
    ],
}


@pytest.fixture(scope="module")
def result(tmp_path_factory):
    return bench.run(SPEC, out=tmp_path_factory.mktemp("plots") / "x", jobs=1, report=False)


def ends(ax):
    """Where the optimizers' lines end."""
    own = [line for line in ax.lines if not line.get_label().startswith("_")]
    return {line.get_label(): float(np.max(line.get_xdata())) for line in own}


def test_axes_count_epochs_updates_evaluations_and_seconds(result):
    found = {x: ends(result.plot.curves(x=x)) for x in ("epochs", "updates", "evaluations")}
    assert found["epochs"] == {"sgd": 4, "sam": 4}
    # A sample an update; sharpness-aware minimization evaluates the gradient twice.
    per_epoch = found["updates"]["sgd"] / 4
    assert per_epoch > 1
    assert found["updates"] == {"sgd": 4 * per_epoch, "sam": 4 * per_epoch}
    assert found["evaluations"] == {"sgd": 4 * per_epoch, "sam": 8 * per_epoch}
    with pytest.raises(ChartError, match="it was not measured what an epoch takes"):
        result.plot.curves(x="seconds")


def test_a_chart_goes_onto_the_users_axes(result):
    ax = Figure().subplots(1, 2)[1]
    assert result.plot.curves(ax=ax, optimizers="sgd") is ax
    assert set(ends(ax)) == {"sgd"}
    assert result.plot.sensitivity(problem="f").figure is not ax.figure


def test_charts_are_listed_and_explained(result):
    assert dir(result.plot) == sorted([*charts, "figure", "material"])
    assert result.plot.curves.__doc__ == charts["curves"].function.__doc__
    with pytest.raises(AttributeError, match='there is no chart "curve"'):
        result.plot.curve()
    with pytest.raises(ChartError, match="train_lss was not recorded"):
        result.plot.curves(metric="train_lss")


@pytest.mark.parametrize(
    ("arguments", "name", "begins"),
    [
        (["curves"], "curves.pdf", b"%PDF"),
        (["curves", "--problem", "f", "--x", "updates"], "curves_f_updates.pdf", b"%PDF"),
        (["spread", "--format", "svg", "--size", "7x3"], "spread.svg", b"<?xml"),
        (["ranking", "--title", "T", "-o", "new/r.png"], "new/r.png", b"\x89PNG"),
    ],
)
def test_plot_writes_a_file_and_prints_its_caption(
    result, tmp_path, monkeypatch, arguments, name, begins
):
    monkeypatch.chdir(tmp_path)
    ended = CliRunner().invoke(main, ["plot", str(result.folder), *arguments])
    assert ended.exit_code == 0, ended.output
    path, *caption = ended.output.splitlines()
    assert path == name
    assert (tmp_path / name).read_bytes().startswith(begins)
    assert caption
    assert all(line.startswith("  ") for line in caption)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["curvs"], 'did you mean "curves"?'),
        (["curves", "--problem", "g"], 'there is no problem "g"'),
        (["curves", "--size", "3"], "write inches"),
        (["curves", "-o", "x.gif"], "ends in pdf, svg, png"),
        (["target"], "f has no target"),
    ],
)
def test_what_cannot_be_plotted_is_told_and_nothing_is_written(
    result, tmp_path, monkeypatch, arguments, told
):
    monkeypatch.chdir(tmp_path)
    ended = CliRunner().invoke(main, ["plot", str(result.folder), *arguments])
    assert ended.exit_code == 2
    assert told in ended.output
    assert not list(tmp_path.iterdir())


def test_a_notebook_shows_verdicts_the_ranking_and_its_picture(result):
    shown = result._repr_html_()
    assert repr(result).replace("<", "&lt;").replace(">", "&gt;") in shown
    for sentence in result.verdicts:
        assert sentence.replace('"', "&quot;").replace("'", "&#x27;") in shown
    assert "data:image/png;base64," in shown
    assert list(result.ranking["optimizer"]) == ["sgd", "sam"]
    assert len(result.pairs) == 1


def test_a_notebook_shows_what_has_no_results_as_a_line(tmp_path):
    crashing = {**SPEC, "optimizer": {"rule": "sgd", "learning_rate": 0.1}}
    folder = bench.run(crashing, out=tmp_path / "x", jobs=1, report=False).folder
    empty = replace(bench.open_results(folder), missing=2)
    assert "h2" not in empty._repr_html_()


def test_every_chart_is_named_where_people_look():
    charts.fill()
    told = " ".join((ROOT / "README.md").read_text(encoding="utf-8").split())
    usage = str(main.commands["plot"].help)
    for kind in charts:
        assert f"`{kind}`" in told
        assert re.search(rf"\b{kind}\b", usage)
