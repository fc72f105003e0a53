"""What rules may ask for by name: random numbers, and the current batch again, counted."""

import numpy as np
import pytest

from nncore import datasets
from nncore.registry import kept
from nncore.rules import rule, rules
from nncore.stack.training import train
from nncore.trial import Configuration
from tests.problems import assert_same, configuration, losses_and_gradients, short

LAYERS = {"large": ["dense 40", "tanh", "dense 3", "softmax"], "tiny": ["dense 3", "softmax"]}
BATCHES = {"full": None, "cut": 7}


@pytest.fixture
def registered():
    """Registers a function as a rule, for a while; returns its name."""

    def register(function, **options):
        return rule(**options)(function).__name__

    with kept(rules):
        yield register


def extragradient(w, g, t, *, learning_rate=0.1, gradient, rng):
    """A step with the gradient at the end of a noisy step."""
    noise = np.stack([stream.standard_normal(w.shape[1:]) for stream in rng])
    w -= learning_rate * gradient(w - learning_rate * (g + 0.1 * noise.astype(w.dtype)))


def extragradient_of_one(w, g, t, *, learning_rate=0.1, gradient, rng):
    """The same, as a textbook has it."""
    noise = np.split(
        rng.standard_normal(sum(x.size for x in w)), np.cumsum([x.size for x in w])[:-1]
    )
    tried = [
        x - x.dtype.type(learning_rate) * (d + 0.1 * n.reshape(x.shape).astype(x.dtype))
        for x, d, n in zip(w, g, noise, strict=True)
    ]
    return [x - learning_rate * d for x, d in zip(w, gradient(tried), strict=True)]


def descent_by_armijo(w, g, t, *, learning_rate=1.0, loss):
    """The rate halved until the loss falls: as many evaluations as it takes."""
    here, slope = loss(w), sum(float((d**2).sum()) for d in g)
    for _ in range(20):
        tried = [x - learning_rate * d for x, d in zip(w, g, strict=True)]
        if loss(tried) <= here - 1e-4 * learning_rate * slope:
            return tried
        learning_rate /= 2
    return w


KINDS = {
    "element": (extragradient, {}),
    "network": (extragradient, {"per": "network"}),
    "trial": (extragradient_of_one, {"per": "trial"}),
    "line search": (descent_by_armijo, {"per": "trial"}),
}


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("batch", BATCHES)
@pytest.mark.parametrize("layers", LAYERS)
@pytest.mark.parametrize("kind", KINDS)
def test_bits_depend_on_no_neighbour_even_one_that_diverges(kind, layers, batch, dtype, registered):
    function, options = KINDS[kind]
    name = registered(function, **options)
    size = BATCHES[batch] or "full"
    trained = short("spiral", layers=LAYERS[layers], epochs=8, batch_size=size, dtype=dtype)
    rates = (0.1, 0.2, 1e300, 0.03)
    stack = [configuration(name, learning_rate=rate) for rate in rates]
    together = train(trained, stack, [0, 1, 0, 1])
    if kind != "line search":  # which takes no step that is too long
        assert [o.status for o in together] == ["ok", "ok", "diverged", "ok"]
    for one, seed, outcome in zip(stack, [0, 1, 0, 1], together, strict=True):
        [alone] = train(trained, [one], [seed])
        assert_same(alone, outcome)
        assert alone.evaluations.tolist() == outcome.evaluations.tolist()


@pytest.mark.parametrize("layers", LAYERS)
def test_a_textbook_s_rule_is_the_stacked_one(layers, registered):
    stacked, one = registered(extragradient), registered(extragradient_of_one, per="trial")
    trained = short("spiral", layers=LAYERS[layers], epochs=1, batch_size=7, dtype="float64")
    for some, other in zip(
        train(trained, [configuration(stacked)] * 2, [0, 1]),
        train(trained, [configuration(one)] * 2, [0, 1]),
        strict=True,
    ):
        assert some.evaluations.tolist() == other.evaluations.tolist()
        # The streams differ, by the rules' names; at the noise's scale the losses do not.
        np.testing.assert_allclose(some.metrics["train_loss"], other.metrics["train_loss"], 0.05)


def joined(arrays):
    return np.concatenate([x.ravel() for x in arrays])


@pytest.mark.parametrize("layers", LAYERS)
@pytest.mark.parametrize("per", ["element", "trial"])
def test_what_is_evaluated_is_the_batch_s_loss_and_gradient(per, layers, registered):
    seen = []  # point, loss, gradient

    def stacked(w, g, t, *, learning_rate=0.1, gradient, loss):
        for point in (np.array(w), 1.5 * w + 0.1):
            seen.append((point[0], loss(point)[0, 0], gradient(point)[0]))
        w -= g

    def single(w, g, t, *, learning_rate=0.1, gradient, loss):
        for point in (list(map(np.array, w)), [1.5 * x + 0.1 for x in w]):
            seen.append((joined(point), loss(point), joined(gradient(point))))
        return [x - d for x, d in zip(w, g, strict=True)]

    name = registered(single if per == "trial" else stacked, per=per)
    trained = short("spiral", layers=LAYERS[layers], epochs=3, dtype="float64")
    train(trained, [configuration(name)], [0])
    part = datasets.draw(trained.dataset, 0)["train"]
    points = np.array([point for point, _, _ in seen])
    assert len(points) >= 6  # a tiny network's stack has two trials at least
    losses, gradients = losses_and_gradients(
        LAYERS[layers], "categorical_crossentropy", part.X, part.y, points
    )
    np.testing.assert_allclose([value for _, value, _ in seen], losses, rtol=1e-12)
    np.testing.assert_allclose([row for *_, row in seen], gradients, rtol=1e-9, atol=1e-14)


@pytest.mark.parametrize("layers", LAYERS)
@pytest.mark.parametrize("batch", BATCHES)
def test_at_the_weights_it_is_the_gradient_that_the_rule_got(batch, layers, registered):
    """Clipped as that is; and free of charge."""
    same = []

    def asking(w, g, t, *, learning_rate=0.1, gradient):
        same.append(gradient(w).tobytes() == np.ascontiguousarray(g).tobytes())
        d = gradient(w + 1e-3)
        same.append((np.abs(d) <= np.float32(1e-3)).all() and (np.abs(d) == np.float32(1e-3)).any())
        w -= learning_rate * g

    name = registered(asking)
    values = configuration(name).hyperparameters
    stack = [Configuration(name, values, {"clip_value": 1e-3})] * 3
    size = BATCHES[batch] or "full"
    trained = short("spiral", layers=LAYERS[layers], epochs=4, batch_size=size)
    outcomes = train(trained, stack, [0, 1, 2])
    assert len(same) >= 8
    assert all(same)
    for outcome in outcomes:
        assert outcome.evaluations[-1] == len(same)


COUNTED = {
    "a point twice": (lambda w, g, gradient, loss: [gradient(w + g), gradient(w + g)], 2),
    "two points": (lambda w, g, gradient, loss: [gradient(w + g), gradient(w - g)], 3),
    "both answers": (lambda w, g, gradient, loss: [loss(w + g), gradient(w + g)], 2),
    "and the other way": (lambda w, g, gradient, loss: [gradient(w + g), loss(w + g)], 2),
    "the weights": (lambda w, g, gradient, loss: [loss(w), gradient(w), loss(w)], 1),
    "there and back": (lambda w, g, gradient, loss: [loss(w + g), loss(w)], 3),
}


@pytest.mark.parametrize("case", COUNTED)
def test_every_point_counts(case, registered):
    ask, each = COUNTED[case]

    def asking(w, g, t, *, learning_rate=0.1, gradient, loss):
        ask(w, g, gradient, loss)
        w -= learning_rate * g

    name = registered(asking)
    trained = short("spiral", epochs=4, record_every=2, batch_size=10)
    for outcome in train(trained, [configuration(name)] * 2, [0, 1]):
        assert outcome.evaluations.tolist() == [0, 2 * 3 * each, 4 * 3 * each]


def test_rules_that_ask_for_nothing_evaluate_once_an_update():
    trained = short("spiral", epochs=4, record_every=2, batch_size=10)
    [outcome] = train(trained, [configuration("adam")], [0])
    assert outcome.evaluations.tolist() == [0, 6, 12]


def test_trials_of_a_stack_are_counted_apart(registered):
    name = registered(descent_by_armijo, per="trial")
    rates = [configuration(name, learning_rate=r) for r in (0.01, 1e4)]
    few, many = train(short("spiral", epochs=4), rates, [0, 0])
    assert few.evaluations[-1] == 8  # every first step is short enough
    assert many.evaluations[-1] > 20


def test_what_a_diverged_trial_had_evaluated_stays(registered):
    def racing(w, g, t, *, learning_rate=0.1, gradient):
        gradient(w + 1)
        w *= 1e30

    name = registered(racing)
    [outcome] = train(short("spiral", epochs=200, record_every=50), [configuration(name)], [0])
    assert outcome.status == "diverged"
    first, *rest = outcome.evaluations.tolist()
    assert first == 0
    assert len(set(rest)) == 1
    assert 4 <= rest[0] <= 64


def test_numbers_are_drawn_by_seed_alone(registered):
    drawn = {}

    def drawing(w, g, t, *, learning_rate=0.1, rng):
        drawn.setdefault(learning_rate, []).append(rng.random())
        return [x - learning_rate * d for x, d in zip(w, g, strict=True)]

    name = registered(drawing, per="trial")
    rates = [0.1, 0.2, 0.3]
    train(
        short("spiral", epochs=3), [configuration(name, learning_rate=r) for r in rates], [5, 5, 6]
    )
    assert drawn[0.1] == drawn[0.2]
    assert not set(drawn[0.1]) & set(drawn[0.3])
    assert len(set(drawn[0.1])) == 3


def test_a_point_has_the_shape_of_the_weights(registered):
    def asking(w, g, t, *, learning_rate=0.1, gradient):
        gradient(w[:1])

    name = registered(asking, per="trial")
    with pytest.raises(ValueError, match=r"shapes \[\(2, 3\)\], not \[\(2, 3\), \(3,\)\]"):
        train(short("spiral", layers=LAYERS["tiny"]), [configuration(name)], [0])


@pytest.mark.parametrize("name", ["gradient", "loss"])
def test_a_rule_per_tensor_cannot_evaluate(name, registered):
    def partial(w, g, t, *, learning_rate=0.1, gradient):
        pass

    def valued(w, g, t, *, learning_rate=0.1, loss):
        pass

    with pytest.raises(TypeError, match=f"{name} takes all of w"):
        registered(partial if name == "gradient" else valued, per="tensor")


def test_other_names_need_a_default(registered):
    def careless(w, g, t, *, learning_rate=0.1, hessian):
        pass

    with pytest.raises(TypeError, match="hessian needs a default; only rng, gradient, loss"):
        registered(careless)
