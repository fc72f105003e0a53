"""Layers one sample at a time, in plain numbers: what each kind's outputs are.

A reference takes a sample's inputs (a list), the numbers after the name, and the layer's parameters
as flat lists by their place; `outputs` runs a network of them over the flat parameters.
"""

import math


def _dense(x, n, weights, biases):
    return [sum(x[i] * weights[i * n + k] for i in range(len(x))) + biases[k] for k in range(n)]


def _layer_norm(x, gain, bias, epsilon=1e-5):
    mean = sum(x) / len(x)
    variance = sum(v * v for v in x) / len(x) - mean * mean
    return [
        g * (v - mean) / math.sqrt(variance + epsilon) + b
        for v, g, b in zip(x, gain, bias, strict=True)
    ]


def _softmax(x):
    shares = [math.exp(v - max(x)) for v in x]
    return [share / sum(shares) for share in shares]


def _each(function):
    return lambda x: [function(v) for v in x]


REFERENCES = {
    "dense": _dense,
    "layer_norm": _layer_norm,
    "linear": _each(lambda z: z),
    "relu": _each(lambda z: max(z, 0.0)),
    "sigmoid": _each(lambda z: math.exp(z) / (1 + math.exp(z))),
    "tanh": _each(lambda z: (math.exp(2 * z) - 1) / (math.exp(2 * z) + 1)),
    "softmax": _softmax,
}
# Sizes of the parameters of a kind that has some, by inputs and the numbers after the name.
SIZES = {"dense": lambda inputs, n: [inputs * n, n], "layer_norm": lambda inputs: [inputs, inputs]}


def outputs(layers, flat, x):
    """What the network `layers` makes of the sample `x`; uses up all of `flat`."""
    flat, x = list(map(float, flat)), list(map(float, x))
    for text in layers:
        name, *words = text.split()
        numbers = [int(word) for word in words if "=" not in word]
        given = {key: float(value) for key, _, value in (w.partition("=") for w in words) if value}
        parts = []
        for size in SIZES[name](len(x), *numbers) if name in SIZES else []:
            parts.append(flat[:size])
            del flat[:size]
        x = REFERENCES[name](x, *numbers, *parts, **given)
    assert not flat
    return x
