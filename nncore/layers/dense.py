"""The dense layer: weights and biases in one product, by a row of ones in the inputs."""

from __future__ import annotations

from nncore.layers.kinds import Arrays, Layer, Parameter, Passes, layer


@layer(frees_outputs=True, by_sample=True)
def dense(features: int, n: int) -> Layer:
    """Dense N: N weighted sums of all inputs, each with a bias.

    Weights `(features, n)`, then biases `(n,)`, row by row: together one matrix
    `(features + 1, n)`, whose last row meets the inputs' row of ones, so that one product gives
    the sums and another both gradients.
    """
    weights = Parameter("weights", (features, n), fan_in=features, fan_out=n)
    biases = Parameter("biases", (n,), fan_in=features, fan_out=n)

    def passes(a: Arrays) -> Passes:
        W, some = a.w.reshape(len(a.w), features + 1, n), slice(a.samples)
        x = a.x[:, :, some]
        forward = [a.layout.forward(W, x, a.y[:, :, some])]
        if a.g is None or a.d is None:
            return forward, []
        d = a.d[:, :, some]
        backward = [a.layout.gradient(x, d, a.g.reshape(W.shape))]
        if a.below is not None:
            backward.append(a.layout.backward(W[:, :-1], d, a.below[:, :, some]))
        return forward, backward

    return Layer(n, (weights, biases), passes)
