"""What the unseeded pages print, and the specs that ask for the same."""

from bench.studies.documents import (
    printed,
    reproduce,
    runs,
)


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
