"""Layers as a spec writes them, and what follows from the text."""

import pytest

from nncore.layers import Architecture, Parameter, layers, parse
from nncore.stack.tensors import vectors

NORMED = ["dense 7", "layer_norm", "relu", "dense 2", "softmax"]


def test_shapes_fans_and_beginnings_of_all_parameters():
    net = Architecture.of(NORMED, 4)
    assert net.parameters == (
        Parameter("weights", (4, 7), 4, 7),
        Parameter("biases", (7,), 4, 7),
        Parameter("gain", (7,), initial=1.0),
        Parameter("bias", (7,), initial=0.0),
        Parameter("weights", (7, 2), 7, 2),
        Parameter("biases", (2,), 7, 2),
    )
    assert [layer.outputs for layer in net.layers] == [7, 7, 7, 2, 2]
    assert (net.features, net.outputs, net.last) == (4, 2, "softmax")
    assert net.size == 28 + 7 + 7 + 7 + 14 + 2
    assert net.cells == 7 + 7 + 2


def test_vectors_are_biases_and_gains():
    marks = vectors(Architecture.of(NORMED, 4).parameters)
    assert marks.tolist() == [False] * 28 + [True] * 21 + [False] * 14 + [True] * 2


def test_what_is_written_in_many_ways_is_one_thing():
    written = ["dense   7", " layer_norm epsilon=1e-5", "layer_norm epsilon=1e-1", "relu "]
    found = list(map(str, parse(written)))
    assert found == ["dense 7", "layer_norm", "layer_norm epsilon=0.1", "relu"]
    assert list(map(str, parse(found))) == found


def test_every_kind_can_be_written():
    texts = [" ".join([kind.name, *("5" for _ in kind.numbers)]) for kind in layers.values()]
    assert [one.kind.name for one in parse(["dense 5", *texts])][1:] == list(layers)
    assert layers["dense"].usage == "dense N"


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        ([], "begins with a dense layer"),
        (["relu", "dense 3"], "begins with a dense layer"),
        (["layer_norm", "dense 3"], "begins with a dense layer"),
        (["dense 3", "rleu"], 'did you mean "relu"'),
        (["dense 3", "layernorm"], 'did you mean "layer_norm"'),
        (["dense"], "dense N"),
        (["dense x"], "dense N"),
        (["dense 2 3"], "dense N"),
        (["dense -1"], "dense N"),
        (["dense 1.5"], "dense N"),
        (["dense ²"], "dense N"),
        (["dense 0"], "N a whole number from 1 to 1,000,000"),
        (["dense 1000001"], "N a whole number from 1 to 1,000,000"),
        (["dense 3", "relu 3"], 'write "relu"$'),
        (["dense 3", "relu slope=3"], "relu has no parameters"),
        (["dense 3", "layer_norm epsilom=3"], 'did you mean "epsilon"'),
        (["dense 3", "layer_norm epsilon=x"], "epsilon must be a finite number"),
        (["dense 3", "layer_norm epsilon=inf"], "epsilon must be a finite number"),
        ([""], "no layer"),
        (["dense 0", "rleu"], '"dense 0".*; .*"relu"'),
    ],
)
def test_layers_that_cannot_be_read(texts, message):
    with pytest.raises(ValueError, match=message):
        parse(texts)


def test_layers_that_cannot_be_built():
    with pytest.raises(ValueError, match=r'"layer_norm epsilon=-1\.0": epsilon must be at least 0'):
        Architecture.of(["dense 3", "layer_norm epsilon=-1"], 2)
