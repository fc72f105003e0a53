"""A plugin: macro F1, a metric. Named in a spec as plugins = ["macro_f1.py"]."""

import numpy as np

from nncore.metrics import metric


@metric(better="higher", worst=0.0, best=1.0, label="macro F1", of="classes")
def macro_f1(p, Y):
    """Mean over classes of 2 hits / (said + right). Opitz & Burst 2019, https://arxiv.org/abs/1911.03347"""
    said = p.argmax(axis=1)[:, None] == np.arange(p.shape[1])[:, None]
    right = Y > 0.5
    both = said.sum(axis=2) + right.sum(axis=2)
    return (2 * (said & right).sum(axis=2) / np.maximum(both, 1)).mean(axis=1)


def test_scores_of_classes_by_hand():
    """What `pytest experiments/plugins/macro_f1.py` runs."""
    Y = np.eye(3)[[0, 0, 1, 2]].T[None]
    p = np.eye(3)[[0, 1, 1, 0]].T[None]
    # Of class 0 one of two found, one of two right; of class 1 the one, at two tries; of 2 none.
    np.testing.assert_allclose(macro_f1(p, Y), [(1 / 2 + 2 / 3 + 0) / 3])
