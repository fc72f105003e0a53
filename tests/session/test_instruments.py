"""Instruments in a run: recorded where a spec asks, and trained again where they are missing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

import bench
from bench.figures.pages.curves import curves_figure
from bench.figures.pages.instruments import instrumented, instruments_figure
from bench.report.write import material_of
from bench.store.store import Store
from bench.tables.bundle import Tables
from tests.figures.drawn import laid_out
from tests.spec.mistakes import errors, names

SPEC: dict[str, Any] = {
    "name": "i",
    "seeds": 3,
    "problem": [{"dataset": "moons", "epochs": 4, "record_every": 2, "batch_size": 50}],
    "optimizer": [{"rule": "sgd", "learning_rate": 0.1}, {"rule": "adam"}],
}
ASKED = ["gradient_norm", "update_cosine", "loss_of_rare"]


def test_who_asks_later_trains_again_and_gets_the_same_otherwise(tmp_path: Path) -> None:
    before = bench.run(SPEC, out=tmp_path, jobs=1, report=False)
    plain = before.trials
    asked = bench.run({**SPEC, "instruments": ASKED}, out=tmp_path, jobs=1, report=False)
    assert asked.trained == before.trained == 6
    both = [name for name in plain if not name.endswith("_seconds")]
    pd.testing.assert_frame_equal(asked.trials[both], plain[both])
    assert (
        bench.run({**SPEC, "instruments": ASKED}, out=tmp_path, jobs=1, report=False).trained == 0
    )
    new = [f"final_train_{name}" for name in ASKED] + ["final_test_loss_of_rare"]
    assert np.isfinite(asked.trials[new].to_numpy(dtype=float)).all()
    assert "final_test_gradient_norm" not in asked.trials
    # Who asks for less has it already, and tables have what was asked.
    less = bench.run({**SPEC, "instruments": ASKED[:1]}, out=tmp_path, jobs=1, report=False)
    assert less.trained == 0
    assert "final_train_update_cosine" not in less.trials
    with Store.read(tmp_path) as store:
        material = material_of(store, asked.manifest, Tables.of(store, asked.manifest))
    assert list(instrumented(material)) == [("moons",)]
    figure = laid_out(lambda: instruments_figure(material, "moons"))
    assert len(figure.axes) == 2 * 2  # losses of classes have the page of curves
    values = [line.get_xdata() for line in figure.axes[1].lines]
    assert sorted(map(len, values)) == [3, 3]
    assert len(laid_out(lambda: curves_figure(material, "moons")).axes) == 9


def test_what_is_no_instrument_is_named() -> None:
    [line] = errors({**SPEC, "instruments": ["sharpnes"]})
    names(line, "instruments", '"sharpnes"', "sharpness")
    [line] = errors({**SPEC, "instruments": ["accuracy"]})
    names(line, "instruments", '"accuracy"')
    [line] = errors({**SPEC, "instruments": "sharpness"})
    names(line, "instruments", '"sharpness"')
