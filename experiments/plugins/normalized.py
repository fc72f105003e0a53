"""A plugin: normalised gradient descent. Named in a spec as plugins = ["normalized.py"]."""

import numpy as np

from nncore.rules import norm, rule


@rule(per="network")
def normalized(w, g, t, *, learning_rate=0.01, epsilon=1e-8):
    """Steps of one length, whatever the gradient's. Nesterov 1984, https://arxiv.org/abs/1507.02030

    w = w - learning_rate * g / (||g|| + epsilon)
    """
    w -= learning_rate * g / (norm(g) + epsilon)


def test_every_step_has_the_rate_s_length():
    """What `pytest experiments/plugins/normalized.py` runs."""
    w, g = np.zeros((2, 3)), np.array([[3.0, 0.0, 4.0], [0.0, 1e-3, 0.0]])
    normalized(w, g, 1, learning_rate=np.array([[0.5], [0.25]]), epsilon=0.0)
    np.testing.assert_allclose(w, [[-0.3, 0.0, -0.4], [0.0, -0.25, 0.0]])
