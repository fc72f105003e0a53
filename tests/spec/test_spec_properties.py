"""Whatever is done to a spec, `load` returns an experiment or says what is wrong with it."""

import copy
import tomllib

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from bench.plan.trials import trials
from bench.spec.expand import points
from bench.spec.experiment import Experiment, SpecError, load
from bench.spec.toml import dumps

many = settings(
    max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)

SPECS = [
    {
        "seeds": 3,
        "dtype": "float32",
        "problem": [
            {
                "name": "spiral",
                "dataset": {"name": "spiral", "samples": [5, 10], "classes": 3},
                "layers": ["dense 4", "relu", "dense 3", "softmax"],
                "initializer": {"name": "normal", "scale": 0.01},
                "loss": "categorical_crossentropy",
                "batch_size": "full",
                "epochs": 10,
                "record_every": 5,
                "target": {"loss": 0.5},
            },
            {"dataset": "people", "shuffle": True},
        ],
        "optimizer": [
            {
                "name": "sgd + momentum",
                "rule": "sgd",
                "learning_rate": {"log": [0.01, 1.0], "n": 5},
                "decay": [0.0, 1e-3],
                "momentum": [0.5, 0.9],
                "bias": {"momentum": 0.0},
                "problems": ["spiral"],
            },
            {"rule": ["adam", "rmsprop"], "learning_rate": {"linear": [0.1, 0.2], "n": 2}},
        ],
    },
    {"seeds": [3, 5], "problem": {"dataset": "neuron"}, "optimizer": {"rule": "adagrad"}},
]

# fmt: off
words = st.sampled_from([
    "name", "seeds", "dtype", "plugins", "problem", "optimizer", "dataset", "layers", "initializer",
    "loss", "batch_size", "shuffle", "epochs", "record_every", "target", "rule", "learning_rate",
    "decay", "momentum", "beta_1", "bias", "problems", "log", "linear", "n", "samples", "classes",
    "noise", "values", "scale", "biases", "full", "same", "spiral", "people", "neuron", "layer",
    "sgd", "adam", "normal", "float64", "accuracy", "description", "", "/", "..", "a.b", "\x00",
    "\x7f", "\ud800", "é",
])
# fmt: on
texts = words | st.text(max_size=8)
numbers = (
    st.integers()
    | st.floats()
    | st.sampled_from([0, 1, -1, 10**6, 10**12, 2**63, 10**400, -0.0, 5e-324, 1e308, 1e-320])
)
ranges = st.fixed_dictionaries(
    {"log": st.lists(numbers, max_size=3), "n": st.integers(-1, 9) | numbers}
)
junk = st.recursive(
    texts | numbers | st.booleans() | st.dates() | ranges,
    lambda inside: st.lists(inside, max_size=3) | st.dictionaries(texts, inside, max_size=3),
    max_leaves=6,
)


CHANGES = ["replace", "delete", "add", "rename", "repeat", "wrap"]


def places(value):
    """Every (container, key) inside `value`."""
    items = value.items() if isinstance(value, dict) else enumerate(value)
    for key, inside in items:
        yield value, key
        if isinstance(inside, dict | list):
            yield from places(inside)


@st.composite
def mutated(draw):
    spec = copy.deepcopy(draw(st.sampled_from(SPECS)))
    for _ in range(draw(st.integers(0, 4))):
        # Most often shallow: a change to a leaf leaves most of a spec valid.
        found = list(places(spec))
        if not found:
            break
        container, key = draw(st.sampled_from(found))
        kind = draw(st.sampled_from(CHANGES))
        if kind == "replace":
            container[key] = draw(junk)
        elif kind == "delete":
            del container[key]
        elif kind == "wrap":
            container[key] = [container[key]] * draw(st.integers(0, 2))
        elif isinstance(container, list):
            container.insert(key, copy.deepcopy(container[key]) if kind == "repeat" else draw(junk))
        elif kind == "rename":
            container[draw(texts)] = container.pop(key)
        else:
            container[draw(texts)] = draw(junk)
    return spec


def loads_or_says_why(source, overrides=()):
    try:
        found = load(source, overrides)
    except SpecError as error:
        lines = error.errors
        found = None
    if found is None:
        assert lines
        assert all(line.isprintable() for line in lines)
        assert len(set(lines)) == len(lines)
        return
    assert isinstance(found, Experiment)
    assert found.problems
    assert found.optimizers
    assert load(tomllib.loads(dumps(found.raw))) == found


@many
@given(mutated())
def test_a_mutated_dictionary(spec):
    before = copy.deepcopy(spec)
    loads_or_says_why(spec)
    assert repr(spec) == repr(before), "a caller's dictionary is not changed"


@many
@given(mutated(), st.data())
def test_a_mutated_file(tmp_path, spec, data):
    path = tmp_path / "spec.toml"
    try:
        content = dumps(spec).encode()
    except (TypeError, ValueError):
        content = dumps(SPECS[0]).encode()
    for _ in range(data.draw(st.integers(0, 3))):
        start = data.draw(st.integers(0, len(content)))
        stop = data.draw(st.integers(start, min(len(content), start + 40)))
        new = data.draw(st.binary(max_size=4) | st.just(content[start:stop] * 2) | st.just(b"\n"))
        content = content[:start] + new + content[stop:]
    path.write_bytes(content)
    loads_or_says_why(path)
    assert sorted(tmp_path.iterdir()) == [path], "loading writes nothing"


KEYS = [
    "seeds",
    "dtype",
    "problem.spiral.epochs",
    "problem.spiral.dataset.samples",
    "problem.people.dataset.x",
    'optimizer."sgd + momentum".momentum',
    "optimizer.adam.learning_rate",
    "optimizer",
    "problem",
]


@many
@given(
    st.lists(
        st.text(max_size=12)
        | st.builds("{}={}".format, st.sampled_from(KEYS), st.text(max_size=8))
        | st.builds(
            lambda key, value: f"{key}={value!r}".replace("'", '"'), st.sampled_from(KEYS), junk
        ),
        max_size=3,
    )
)
@example(["optimizer.adam." + "a." * 500 + "b=1"])
@example(["seeds=" + "[" * 5000])
@example(["seeds=" + "9" * 5000])
def test_any_override(overrides):
    loads_or_says_why(SPECS[0], overrides)


toml_values = st.recursive(
    st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats()
    | st.text(st.characters(codec="utf-8")),
    lambda inside: (
        st.lists(inside, max_size=3)
        | st.dictionaries(st.text(st.characters(codec="utf-8"), max_size=6), inside, max_size=3)
    ),
    max_leaves=12,
)


@many
@given(st.dictionaries(st.text(st.characters(codec="utf-8"), max_size=6), toml_values, max_size=4))
def test_toml_reads_back_what_was_written(values):
    # repr tells 1 from 1.0 and True, and holds for NaN; sections put tables behind scalars.
    found = tomllib.loads(dumps(values))
    assert {k: repr(v) for k, v in found.items()} == {k: repr(v) for k, v in values.items()}


@many
@given(
    st.sampled_from(["log", "linear"]),
    st.floats(1e-300, 1e300) | st.integers(1, 10**9),
    st.floats(1e-300, 1e300) | st.integers(1, 10**9),
    st.integers(2, 30),
)
def test_ranges_rise_from_end_to_end(kind, low, high, n):
    low, high = sorted((low, high))
    found = points(kind, low, high, n)
    assert found[0] == low
    assert found[-1] == high
    assert found == sorted(found)
    if low < high:
        assert len(found) == n


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 4), st.integers(1, 4), st.integers(1, 4))
def test_as_many_trials_as_seeds_times_values(seeds, rates, decays):
    spec = {
        "seeds": seeds,
        "problem": {"dataset": "blobs"},
        "optimizer": {
            "rule": "sgd",
            "learning_rate": {"linear": [1, 2], "n": rates} if rates > 1 else 1,
            "decay": [0.1 * (i + 1) for i in range(decays)],
        },
    }
    assert len(trials(load(spec))) == seeds * rates * decays
