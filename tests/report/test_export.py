"""`bench export`: tables as Parquet, every digit, and names that look like numbers."""

from __future__ import annotations

import sys

import pandas as pd
import pytest
from click.testing import CliRunner

import bench
from bench.cli import main
from bench.report.reading import read

SPEC = {
    "name": "x",
    "problem": {"name": "f", "dataset": "neuron", "epochs": 2},
    "optimizer": [
        {"name": name, "rule": "sgd", "learning_rate": rate}
        for name, rate in (("7", 0.01), ("1e5", 1e30))
    ],
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return bench.run(SPEC, out=tmp_path_factory.mktemp("export") / "x", jobs=1).folder


def export(folder, *arguments):
    return CliRunner().invoke(main, ["export", str(folder), *map(str, arguments)])


def test_every_table_is_exported_to_the_last_digit(folder, tmp_path):
    pytest.importorskip("pyarrow", reason="an optional extra")
    ended = export(folder, "-o", tmp_path)
    assert ended.exit_code == 0, ended.output
    names = {path.stem for path in folder.glob("*.csv")}
    assert {path.stem for path in tmp_path.iterdir()} == names
    for name in names:
        texts = {"optimizer": str, "a": str, "b": str}
        meant = pd.read_csv(
            folder / f"{name}.csv",
            dtype=texts,
            keep_default_na=False,
            na_values=[""],
        )
        found = pd.read_parquet(tmp_path / f"{name}.parquet")
        assert list(found) == list(meant)
        for column in found.select_dtypes("number"):
            assert found[column].equals(meant[column].astype(found[column].dtype)), (name, column)
    assert list(pd.read_parquet(tmp_path / "trials.parquet")["optimizer"]) == ["7", "1e5"]


def test_names_that_look_like_numbers_stay_texts(folder):
    found = read(folder, "trials", {"optimizer": ["7"]}, ["optimizer", "learning_rate"])
    assert found.to_numpy().tolist() == [["7", 0.01]]


def test_what_cannot_be_exported_is_told(folder, tmp_path, monkeypatch):
    assert "there is no table trails; did you mean" in export(folder, "--table", "trails").output
    assert export(tmp_path / "none").exit_code == 2
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    ended = export(folder, "-o", tmp_path)
    assert ended.exit_code == 2
    assert "pip install pyarrow" in ended.output
    assert not list(tmp_path.iterdir())
