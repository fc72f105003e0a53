"""Names that tables have, which no hyperparameter may have."""

import bench
from bench.spec.names import is_column
from bench.tables.columns import hyperparameters
from nncore.metrics import BUILT_IN_COLUMNS
from tests.command import undrawn

TUNED = {
    "seeds": [7, 8],
    "tuning": {"seeds": [0, 1]},
    "problem": {"dataset": "people", "epochs": 2},
    "optimizer": {"rule": "adam", "learning_rate": [0.1, 0.2]},
}


def test_every_column_is_known_to_be_one(tmp_path):
    with undrawn():
        result = bench.run(TUNED, out=tmp_path / "out", jobs=1)
    for frame in (result.trials, result.summary):
        own = hyperparameters(frame)
        assert "beta_1" in own
        assert [c for c in frame if not is_column(c) and c not in own] == []
    assert [c for c in result.curves if not is_column(c) and c not in BUILT_IN_COLUMNS] == []
