"""The documents by distribution: percentiles, what slips do, and the whole study in small."""

import itertools
from functools import partial
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner
from scipy.stats import percentileofscore

from bench import stats
from bench.plan.trials import Trial
from bench.studies.documents import (
    figures,
    keep,
    log_linear,
    printed,
    reproduce,
    runs,
    slips,
    standings,
    study,
)
from bench.studies.documents.__main__ import main
from bench.studies.documents.figures import Panel, Printed
from nncore import initializers
from nncore.datasets import datasets, draw
from nncore.layers import Architecture
from nncore.reference.network import SGD, network, steps
from nncore.reference.network import train as train_reference
from nncore.rules import rules
from nncore.stack.training import train
from tests.command import undrawn
from tests.problems import fixed, samples

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
        return study.write(out, jobs=2, overrides=SMALL), out


# --- where printed values fall --------------------------------------------------------------------


def trace(texts, scale=1.0):
    epochs = np.arange(len(texts))
    place = ("000", 1, "blobs", "sgd", "train_loss")
    return printed.Trace(*place, epochs, epochs, tuple(texts), scale)


@pytest.mark.parametrize("decimals", [1, 3, 12])
def test_percentiles_against_scipy(decimals):
    rng = np.random.default_rng(0)
    ours, page = rng.exponential(size=(200, 5)), rng.exponential(size=5)
    ours[3, 2] = np.inf
    found = standings.standing(trace([f"{x:.{decimals}f}" for x in page], 2.0), "", ours)
    expected = [
        percentileofscore(np.round(2 * seeds, decimals), float(f"{x:.{decimals}f}"), kind="mean")
        for seeds, x in zip(ours.T, page, strict=True)
    ]
    np.testing.assert_allclose(found.percentiles, expected)
    if decimals == 1:
        assert any(p % 0.5 for p in expected), "no ties: rounding was not tried"


def test_the_band_leaves_at_most_half_a_percent_on_either_side():
    ours = np.repeat(np.random.default_rng(0).permutation(1000.0 * np.arange(1000))[:, None], 2, 1)
    for rank, inside in {3: False, 4: False, 5: True, 994: True, 995: False}.items():
        curve = np.array([1000.0 * rank, 500_000.0])
        assert standings.within(curve, ours).tolist() == [inside, True]
        found = standings.standing(trace([f"{x:.1f}" for x in curve]), "", ours)
        assert standings.trace_row(found)["whole_trace_inside"] is inside
        assert found.seeds_inside == pytest.approx(0.99)


def brute_extremeness(page, ours):
    """Every rank of every curve by counting."""
    curves = [page, *ours]

    def extreme(curve):
        return min(
            min(sum(c[e] <= curve[e] for c in curves), sum(c[e] >= curve[e] for c in curves))
            for e in range(len(page))
        )

    return np.mean([extreme(curve) <= extreme(page) for curve in curves])


@pytest.mark.parametrize("seed", range(5))
def test_extremeness_by_counting(seed):
    rng = np.random.default_rng(seed)
    curves = rng.integers(6, size=(15, 4)).astype(float)  # with ties
    assert standings.extremeness(curves[0], curves[1:]) == brute_extremeness(curves[0], curves[1:])


def test_one_of_our_own_curves_is_rarely_extreme():
    """Below p with a probability of at most p, whatever the dependence along the curve."""
    curves = np.random.default_rng(0).standard_normal((101, 30)).cumsum(axis=1)
    p = [standings.extremeness(curves[i], np.delete(curves, i, axis=0)) for i in range(101)]
    for level in (0.05, 0.2, 0.5):
        assert np.mean(np.array(p) <= level) <= level
    assert np.mean(np.array(p) <= 0.5) > 0.25


# --- what the pages print -------------------------------------------------------------------------


def test_every_unseeded_curve_is_compared_at_the_right_record():
    found = {t.problem: t for t in printed.unseeded()}
    shifts = {name: set((t.records - t.epochs).tolist()) for name, t in found.items()}
    assert shifts == {"blobs": {0}, "people": {1}, "full_batch": {1}, "per_sample": {1}}
    assert {n: len(t.texts) for n, t in found.items()} == {
        **{"blobs": 74, "people": 46},
        **{"full_batch": 6, "per_sample": 6},
    }
    assert {n: t.scale for n, t in found.items() if t.scale != 1} == {
        **{"full_batch": 2.0, "per_sample": 2.0}
    }
    assert found["people"].epochs.tolist() == list(range(0, 451, 10))
    assert found["full_batch"].epochs.tolist() == list(range(0, 501, 100))


def test_spirals_are_the_ten_training_cells():
    found = printed.spirals()
    assert len(found) == 20
    for metric, lines in (("train_loss", 178), ("train_accuracy", 179)):
        assert sum(len(t.texts) for t in found if t.metric == metric) in (lines, lines + 1)
    assert all((t.records == t.epochs).all() for t in found)


def test_specs_are_the_pages_configurations():
    """Document 003's as printed; the rates, losses and networks of the others."""
    experiment = runs.experiment("003_spiral")
    settings = {o.name: o.configurations for o in experiment.optimizers}
    for cell in printed.training_cells():
        [configuration] = settings[cell["what"]]
        mine = configuration.hyperparameters
        assert mine == {**mine, **cell["run"]["hyperparameters"]}
        assert mine.get("momentum", 0) == cell["run"]["hyperparameters"].get("momentum", 0)
    specs = {"000": "000_blobs", "001": "001_people", "004": "004_log_linear"}
    for document, name in specs.items():
        experiment = runs.experiment(name)
        assert len(experiment.seeds) >= 1000
        for problem in experiment.problems:
            page = reproduce.load()[document]["unseeded"][problem.name]
            assert list(problem.problem.layers) == page["layers"]
            assert problem.problem.loss == page["loss"]
            assert problem.problem.batch_size == page.get("batch_size")
            assert problem.problem.initializer["scale"] == page["initializer"]["scale"]
            biases = {"zeros": "zeros", "normal": "same"}[page["initializer"]["biases"]]
            assert problem.problem.initializer["biases"] == biases
            [configuration] = experiment.optimizers[0].configurations
            assert configuration.hyperparameters["learning_rate"] == page["learning_rate"]


# --- document 004 as printed ----------------------------------------------------------------------


def regression(name):
    experiment = runs.experiment("004_log_linear")
    [problem] = [p.problem for p in experiment.problems if p.name == name]
    return problem, experiment.optimizers[0].configurations[0]


def start(problem, seed):
    X, y = draw(problem.dataset, seed)["train"]
    architecture = Architecture.of(problem.layers, X.shape[1])
    flat = initializers.draw(problem.initializer, architecture.parameters, seed)
    return log_linear.layered(architecture, flat), X, y


def as_the_page_loops(problem, rate, seed, epochs):
    """Losses that document 004's per-sample loop prints after each epoch."""
    parameters, X, y = start(problem, seed)
    net, optimizer = network(problem.layers, parameters, problem.loss), SGD({"learning_rate": rate})
    losses = []
    with np.errstate(all="ignore"):
        for made in steps(net, optimizer, X, y, batch_size=1):
            if made % len(X) == len(X) - 1:
                losses.append(np.mean((y - net.outputs) ** 2))
            if len(losses) == epochs:
                return np.nan_to_num(losses, nan=np.inf)


def test_last_samples_are_what_the_pages_loop_prints():
    """Among them a run that leaves the stack in the first epochs, and one that dies."""
    problem, configuration = regression("per_sample")
    seeds = (0, 1, 2, 3, 35)
    found = log_linear.last_samples(problem, configuration, seeds, (0, 3))
    for seed, losses in zip(seeds, found.printed, strict=True):
        expected = as_the_page_loops(problem, 0.1, seed, 4)[[0, 3]]
        np.testing.assert_allclose(losses, expected, rtol=1e-8)
    assert found.dead.any()
    assert not found.dead.all()


def stale_regression(problem, rate, seed, updates):
    """The output layer descends alone, on what the initial hidden layers make of the data."""
    [(W1, b1), (W2, b2), (W3, b3)], X, y = start(problem, seed)
    A = np.maximum(np.maximum(X @ W1 + b1, 0) @ W2 + b2, 0)
    losses = []
    for _ in range(updates + 1):
        residual = A @ W3 + b3 - y
        losses.append(np.mean(residual**2))
        W3, b3 = W3 - rate * A.T @ residual / len(X), b3 - rate * residual.mean(axis=0)
    return losses


def test_a_stale_layer_makes_the_page_a_linear_regression():
    problem, configuration = regression("full_batch")
    seeds = (0, 4)
    found = log_linear.stale(problem, configuration, seeds, 30)
    for seed, losses in zip(seeds, found, strict=True):
        np.testing.assert_allclose(losses, stale_regression(problem, 0.1, seed, 30), rtol=1e-8)


def test_the_stale_dataset_trains_as_the_stale_layer_does():
    """The spec's way, an output layer on fixed features, against the reference's StaleDense."""
    runs.experiment("004_as_printed")  # loads the plugin
    problem, configuration = regression("full_batch")
    features = datasets["stale_log_linear"].function.__globals__["hidden_features"]
    [*layers, (W3, b3)], X, y = start(problem, 2)
    with samples(features(X, layers), y) as dataset:
        flat = np.r_[W3.ravel(), b3.ravel()]
        given = fixed(dataset, ["dense 1"], "half_mean_squared_error", flat, epochs=30)
        [outcome] = train(given, [configuration], [0])
    expected = log_linear.stale(problem, configuration, [2], 30)[0]
    np.testing.assert_allclose(2 * outcome.metrics["train_loss"], expected, rtol=1e-8)


# --- slips ----------------------------------------------------------------------------------------


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


def test_the_listed_adagrad_has_the_rate_that_the_listing_computes():
    runs.experiment("003_slips")
    w, g, cache = np.zeros((1, 1)), np.ones((1, 1)), np.zeros((1, 1))
    for t in range(1, 6):
        before = w.copy()
        rules["listed_adagrad"].function(w, g, t, cache, learning_rate=2.0, listed_decay=1e-4)
        decay, iterations = 1e-4, t - 1
        rate = 2.0 if t == 1 else 2.0 * (1.0 / (1.0 / +decay * iterations))
        assert (before - w).item() == pytest.approx(rate / (np.sqrt(t) + 1e-7), rel=1e-12)


def test_errors_that_slips_raise():
    assert slips.error_of("learning_rate", {"learning": 1.0}).startswith("NameError")
    assert slips.error_of("1 / (1 / + decay * t)", {"decay": 1e-4, "t": 1}) == ""


def test_every_slip_has_a_row(small):
    table = small[0].tables["slips"]
    words = ["misspelt", "AdaGrad", "learning_rate", "uniform", "earlier network", "sigmoid"]
    words += ["never computed again", "last sample's prediction", "hidden unit dies"]
    for word in words:
        assert table["slip"].str.contains(word, regex=False).any(), word
    measured = table[table["estimate"].notna()]
    assert (measured["low"] <= measured["value"]).all()
    assert (measured["value"] <= measured["high"]).all()


# --- the study ------------------------------------------------------------------------------------


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
        again = study.write(out, jobs=2, overrides=SMALL)
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


def test_medians_of_ratios_are_the_medians_of_logarithms():
    printed_, intended = np.array([2.0, 8.0, 1.0]), np.array([1.0, 1.0, 1.0])
    row = slips.paired("004", "", "", "", printed_, intended)
    assert row["value"] == pytest.approx(2.0)
    assert (row["low"], row["high"]) == (0.0, np.inf)  # three seeds cannot tell
    assert stats.median(printed_) == row["as_printed"]


def test_a_diverged_run_of_the_stale_layer_counts_as_infinite():
    problem = fixed("log_linear", ["dense 1"], "half_mean_squared_error", np.zeros(6))
    trials = [Trial(i, "full_batch", "sgd", problem, None, 0, i, str(i)) for i in (1, 0)]
    results = SimpleNamespace(manifest=SimpleNamespace(trials=trials))
    limits = [2 * draw(problem.dataset, seed)["train"].y.var() for seed in (0, 1)]
    for factor, expected in ((0.99, False), (1.01, True)):
        errors = factor * np.array(limits)
        assert (np.isinf(slips._lost_as_infinite(results, errors)) == expected).all()


# --- kept results ---------------------------------------------------------------------------------


numbers = itertools.count()


def task(value):
    return {"value": np.array([value]), "call": np.array([next(numbers)])}


def test_kept_results_are_computed_once_and_again_when_anything_changes(tmp_path):
    def call(value):
        return keep.gather(tmp_path, {"a": partial(task, value)}, 1)["a"]

    first = call(1.0)
    assert call(1.0) == first
    other = call(2.0)
    assert other["value"] == 2.0
    assert other["call"] != first["call"]
    (tmp_path / "a.npz").write_bytes((tmp_path / "a.npz").read_bytes()[:100])
    mended = call(2.0)
    assert mended["value"] == 2.0
    assert mended["call"] != other["call"]


def test_a_wrong_folder_is_one_line_and_exit_code_2(tmp_path, small):
    (tmp_path / "000_blobs").mkdir()
    source = small[1] / "001_people" / "trials.sqlite"
    (tmp_path / "000_blobs" / "trials.sqlite").write_bytes(source.read_bytes())
    result = CliRunner().invoke(main, ["--out", str(tmp_path), "--seeds", "6"])
    assert result.exit_code == 2
    assert "001_people" in result.stderr
    assert "Traceback" not in result.output
