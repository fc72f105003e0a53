"""The whole study in small, and its rows of slips against the reference."""

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner
from scipy.stats import percentileofscore

import bench
from bench.studies.documents import figures, runs, study
from bench.studies.documents.__main__ import main
from bench.studies.documents.figures import Panel, Printed
from nncore.reference.network import network
from nncore.reference.network import train as train_reference
from tests.command import undrawn
from tests.studies.documents.test_log_linear import start

SEEDS, EPOCHS = 8, 20
SMALL = {name: [f"seeds={SEEDS}"] for name in runs.NAMES}
for name, problems in {
    "003_spiral": ["spiral", '"spiral, uniform start"'],
    "003_slips": ["spiral"],
}.items():
    SMALL[name] += ['dtype="float64"', *(f"problem.{p}.epochs={EPOCHS}" for p in problems)]
SMALL["004_log_linear"] += ["problem.per_sample.epochs=101", "problem.full_batch.epochs=101"]


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    """The study with few seeds and epochs, and its folder; its experiments draw no figures."""
    out = tmp_path_factory.mktemp("documents")
    with undrawn():
        return study.write(out, jobs=1, overrides=SMALL), out


def spiral_loss(momentum, bias_momentum, seed):
    """The final training loss of the small study, by the reference."""
    given = next(p.problem for p in runs.experiment("003_spiral", SMALL).problems)
    parameters, X, y = start(given, seed)
    own = {"momentum": momentum, "bias.momentum": bias_momentum}
    trained = train_reference(
        parameters,
        X,
        y,
        layers=given.layers,
        loss=given.loss,
        rule="sgd",
        hyperparameters={"learning_rate": 1.0, "decay": 1e-3, **own},
        updates=EPOCHS,
    )
    net = network(given.layers, trained, given.loss)
    return net.loss.value(net.forward(X), y)


@pytest.mark.parametrize(("row", "momentum"), [(0, 0.5), (2, 0.9)])
def test_bias_momentum_rows_by_the_reference(small, row, momentum):
    table = small[0].tables["slips"]
    found = table.iloc[row]
    assert f"momentum {momentum}" in found["slip"]
    lost = np.array([spiral_loss(momentum, 0.0, seed) for seed in range(SEEDS)])
    kept = np.array([spiral_loss(momentum, momentum, seed) for seed in range(SEEDS)])
    ratios = np.sort(lost / kept)
    assert np.abs(ratios - 1).max() > 1e-5, "the slip does nothing"
    expected = [np.median(lost), np.median(kept), np.sqrt(ratios[3] * ratios[4])]
    # The second smallest and largest of eight enclose the median with 93% only: the ends do.
    expected += [ratios[0], ratios[-1]]
    names = ["as_printed", "as_intended", "value", "low", "high"]
    np.testing.assert_allclose(found[names].astype(float), expected, rtol=1e-7)


def test_every_slip_has_a_row(small):
    table = small[0].tables["slips"]
    words = ["misspelt", "AdaGrad", "learning_rate", "uniform", "earlier network", "sigmoid"]
    words += ["never computed again", "last sample's prediction", "hidden unit dies"]
    for word in words:
        assert table["slip"].str.contains(word, regex=False).any(), word
    measured = table[table["estimate"].notna()]
    assert (measured["low"] <= measured["value"]).all()
    assert (measured["value"] <= measured["high"]).all()


def test_the_study_stands_on_the_harness(small):
    found, out = small
    rows = pd.read_csv(out / "percentiles.csv", dtype={"document": str, "printed": str})
    blobs = rows[rows["document"] == "000"]
    curves = pd.read_csv(out / "000_blobs" / "curves.csv")
    for row in blobs.itertuples():
        ours = curves["train_loss"][curves["epoch"] == row.record].round(8)
        assert row.percentile == pytest.approx(
            percentileofscore(ours, float(row.printed), kind="mean"), abs=0.01
        )
        assert row.seeds == len(ours) == SEEDS
    assert set(found.tables["traces"]["document"]) == {"000", "001", "003", "004"}
    variants = found.tables["traces"].query("document == '004'")[["run", "variant"]]
    assert len(variants) == len(variants.drop_duplicates()) == 4


def test_every_figure_has_its_tables_beside_it(small):
    names = {path.name for path in small[0].files}
    pictures = [name.removesuffix(".png") for name in names if name.endswith(".png")]
    assert len(pictures) == 5
    for name in pictures:
        assert {f"{name}_bands.csv", f"{name}_points.csv"} <= names
    for path in small[0].files:
        assert path.stat().st_size > 0
    shown = pd.read_csv(small[1] / "figures" / "003_spiral_loss_points.csv")
    first = shown[(shown["epoch"] == 0) & (shown["panel"] == "sgd, rate 0.85")].set_index("kind")
    assert first["value"]["printed"] == 1.0986042022705078
    assert first["value"]["continued"] == first["value"]["printed"]


def test_a_second_time_nothing_is_trained(small):
    found, out = small
    stored = [*out.rglob("trials.sqlite"), *(out / "kept").iterdir()]
    before = {path: path.stat().st_mtime_ns for path in stored}
    with undrawn():
        again = study.write(out, jobs=1, overrides=SMALL)
    assert {path: path.stat().st_mtime_ns for path in stored} == before
    for name, table in found.tables.items():
        pd.testing.assert_frame_equal(table, again.tables[name])


def test_bands_are_quantiles_over_seeds():
    values = np.random.default_rng(0).exponential(size=(300, 4))
    page = Printed("page", np.array([0]), np.array([1.0]))
    frame = figures.bands(Panel("", np.arange(4.0), values, [page]))
    levels = {"low_99": 0.005, "low_50": 0.25, "median": 0.5, "high_50": 0.75, "high_99": 0.995}
    for name, level in levels.items():
        np.testing.assert_allclose(frame[name], np.quantile(values, level, axis=0))


def test_a_wrong_folder_is_one_line_and_exit_code_2(tmp_path):
    other = {"problem": {"dataset": "neuron", "epochs": 1}, "optimizer": {"rule": "sgd"}}
    bench.run({"name": "another", **other}, out=tmp_path / "000_blobs", jobs=1, report=False)
    result = CliRunner().invoke(main, ["--out", str(tmp_path), "--seeds", "6"])
    assert result.exit_code == 2
    assert "another" in result.stderr
    assert "Traceback" not in result.output
