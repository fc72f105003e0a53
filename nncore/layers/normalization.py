"""Normalization of a sample's features."""

from __future__ import annotations

import numpy as np

from nncore.layers.kinds import Array, Arrays, Layer, Parameter, Passes, cut, layer


@layer(in_place=True, frees_outputs=True)
def layer_norm(features: int, *, epsilon: float = 1e-5) -> Layer:
    """Each sample's features standardised, then scaled and shifted. Ba, Kiros & Hinton 2016, https://arxiv.org/abs/1607.06450

    h = (x - mean(x)) / sqrt(var(x) + epsilon), mean and variance over the features of a sample
    y = gain * h + bias

    Gains begin at 1 and biases at 0 whatever the initializer. To rules both are vectors, like the
    biases of dense layers: `bias = { weight_decay = 0.0 }` keeps decay from all of them; without
    it, gains decay towards 0 as weights do. Another epsilon is written "layer_norm epsilon=0.001".
    """
    if not epsilon >= 0:
        raise ValueError("epsilon must be at least 0")
    parameters = (
        Parameter("gain", (features,), initial=1.0),
        Parameter("bias", (features,), initial=0.0),
    )

    def passes(a: Arrays) -> Passes:
        trials, _, samples = a.y.shape
        y, dtype = a.y, a.y.dtype
        count, least = dtype.type(features), dtype.type(epsilon)
        h = a.layout.empty(dtype, trials, features, samples)
        mean, scale = (a.layout.empty(dtype, trials, 1, samples) for _ in range(2))
        gain, bias = (part[:, :, None] for part in cut(a.w, parameters))

        def average(x: Array, out: Array) -> None:
            np.add.reduce(x, axis=1, keepdims=True, out=out)
            np.divide(out, count, out=out)

        def forward() -> None:
            average(y, mean)
            np.subtract(y, mean, out=h)
            np.multiply(h, h, out=y)
            average(y, scale)
            np.add(scale, least, out=scale)
            np.sqrt(scale, out=scale)
            np.reciprocal(scale, out=scale)
            np.multiply(h, scale, out=h)
            np.multiply(h, gain, out=y)
            np.add(y, bias, out=y)

        if a.g is None or a.d is None:
            return [forward], []
        d, (gain_gradient, bias_gradient) = a.d, cut(a.g, parameters)

        def backward() -> None:
            """`scale * (e - mean(e) - h * mean(e * h))`, e being the gradient by h, `gain * d`."""
            np.multiply(d, h, out=y)
            np.add.reduce(y, axis=2, out=gain_gradient)
            np.add.reduce(d, axis=2, out=bias_gradient)
            np.multiply(d, gain, out=d)
            np.multiply(d, h, out=y)
            average(y, mean)
            np.multiply(h, mean, out=h)
            average(d, mean)
            np.subtract(d, mean, out=d)
            np.subtract(d, h, out=d)
            np.multiply(d, scale, out=d)

        return [forward], [backward]

    return Layer(features, parameters, passes)
