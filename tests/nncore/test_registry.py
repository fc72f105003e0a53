import contextlib
import hashlib
import inspect
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from nncore.datasets import datasets, draw
from nncore.initializers import initializers
from nncore.layers import layers
from nncore.losses import losses
from nncore.registry import (
    BUILT_IN,
    SESSION,
    Entry,
    Registry,
    UnknownNameError,
    describe,
    kept,
    load_plugin,
    unknown,
)
from nncore.rules import Rule, rule, rules
from nncore.schedules import schedules
from nncore.stack.training import train
from tests.problems import assert_same, configuration, short

REGISTRIES = {
    "rule": rules,
    "dataset": datasets,
    "initializer": initializers,
    "layer": layers,
    "loss": losses,
    "schedule": schedules,
}
ENTRIES = [(r, name) for r in REGISTRIES.values() for name in r]
PLUGIN = """
from nncore.rules import rule

@rule
def {name}(w, g, t, *, learning_rate=0.5, bend=0.25):
    '''Signs of the gradient. https://example.org/signs'''
    w -= learning_rate * bend * (g > 0) - learning_rate * bend * (g < 0)
"""


@pytest.fixture(autouse=True)
def registered():
    """Forget what a test registers."""
    with kept(*REGISTRIES.values()):
        yield


def plugin(folder, name, text=PLUGIN):
    path = folder / f"{name}.py"
    path.write_text(text.format(name=name))
    return path


@pytest.mark.parametrize(("registry", "name"), ENTRIES)
def test_entry_says_what_it_is(registry, name):
    entry = registry[name]
    assert entry.name == name == entry.function.__name__
    assert (entry.origin, entry.digest) == (BUILT_IN, "")
    assert entry.summary.endswith((".", "html", "pdf")) or entry.source
    assert "\n" not in entry.summary
    keywords = inspect.getfullargspec(entry.function).kwonlydefaults or {}
    assert dict(entry.parameters) == keywords


@pytest.mark.parametrize("name", rules)
def test_rule_names_its_source(name):
    assert rules[name].source


def test_source_is_an_address_or_a_document():
    def address(*, a=1):
        """Somebody 2015, algorithm 1, https://example.org/a.pdf.

        More at https://example.org/b"""

    def document():
        """As in document 004."""

    def neither():
        """Nothing."""

    def undocumented():
        pass

    found = [Entry(**describe(f)).source for f in (address, document, neither, undocumented)]
    assert found == ["https://example.org/a.pdf", "document 004", "", ""]
    assert Entry(**describe(address)).summary.startswith("Somebody")
    assert Entry(**describe(undocumented)).summary == ""


@pytest.mark.parametrize("kind", REGISTRIES)
def test_unknown_name(kind):
    registry = REGISTRIES[kind]
    assert registry.kind == kind
    assert "nothing_of_the_kind" not in registry
    with pytest.raises(UnknownNameError) as caught:
        registry["nothing_of_the_kind"]
    assert str(caught.value).startswith(f'there is no {kind} "nothing_of_the_kind": ')


def test_message_suggests_the_nearest_name_or_lists_all():
    known = {"momentum": 0, "decay": 1}
    assert unknown("x", "momentun", known) == 'there is no x "momentun": did you mean "momentum"?'
    assert unknown("x", "qqq", known) == 'there is no x "qqq": known: momentum, decay'


def test_registry_is_a_mapping_in_the_order_of_registration():
    registry = Registry("thing")
    for name in "bca":
        registry.add(Entry(name, print, {}, BUILT_IN, ""))
    assert (list(registry), len(registry), "a" in registry) == (["b", "c", "a"], 3, True)


def test_no_name_is_silently_replaced():
    registry = Registry("thing")
    entry = Entry("a", print, {}, BUILT_IN, "")
    registry.add(entry)
    registry.add(entry)
    for changes in ({"origin": "/mine.py", "digest": "1"}, {"origin": "/mine.py"}):
        with pytest.raises(ValueError, match=r'already a thing "a" \(built-in\)'):
            registry.add(replace(entry, **changes))
    assert registry["a"] is entry


def test_what_is_registered_for_a_while_is_forgotten(tmp_path):
    path = plugin(tmp_path, "plugin_signs")
    right = rules["adam"]
    names = list(rules)
    with contextlib.suppress(RuntimeError), kept(rules):
        rules.add(replace(right, function=print))
        load_plugin(path)
        assert rules["adam"].function is print
        assert list(rules) == [*names, "plugin_signs"]
        raise RuntimeError
    assert rules["adam"] is right
    assert list(rules) == names
    load_plugin(path)
    assert list(rules) == [*names, "plugin_signs"]


def test_a_parameter_needs_a_default():
    with pytest.raises(TypeError, match="scale needs a default"):

        @rule
        def careless(w, g, t, *, learning_rate=1.0, scale):
            pass


@pytest.mark.parametrize(
    "function",
    [
        lambda w, g, *, learning_rate=1.0: 0,
        lambda w, g, t: 0,
        lambda g, w, t, *, learning_rate=1: 0,
    ],
)
def test_a_rule_s_signature_is_checked(function):
    with pytest.raises(TypeError, match="write it as"):
        rule(function)


def test_rule_reads_buffers_off_the_signature():
    @rule(per="tensor")
    def mine(w, g, t, m, v, *, learning_rate=0.5, beta=0.9):
        """Mine."""

    assert rules["mine"] == Rule(
        name="mine",
        function=mine,
        parameters={"learning_rate": 0.5, "beta": 0.9},
        origin=SESSION,
        digest="",
        buffers=("m", "v"),
        per="tensor",
        varying=("learning_rate", "beta"),
    )


def test_plugin_registers_with_its_origin(tmp_path):
    path = plugin(tmp_path, "plugin_signs")
    digest = load_plugin(path)
    entry = rules["plugin_signs"]
    assert digest == hashlib.sha256(path.read_bytes()).hexdigest()
    assert (entry.origin, entry.digest) == (str(path), digest)
    assert entry.parameters == {"learning_rate": 0.5, "bend": 0.25}
    assert entry.source == "https://example.org/signs"
    assert load_plugin(str(path)) == digest
    assert rules["plugin_signs"] is entry


def test_plugin_trains_by_its_defaults_and_by_the_spec(tmp_path):
    load_plugin(plugin(tmp_path, "plugin_trains"))
    configurations = [
        configuration("plugin_trains", learning_rate=0.1),
        configuration("plugin_trains", learning_rate=0.05, bend=0.5),
        configuration("plugin_trains", learning_rate=0.1, bend=0.5),
    ]
    some, same, other = train(short("people"), configurations, [0, 0, 0])
    assert_same(some, same)
    assert some.metrics["train_loss"][-1] != other.metrics["train_loss"][-1]


REBOUND = """
from nncore.rules import rule

@rule
def {name}(w, g, t, v, *, learning_rate=0.5):
    "Rebinds. https://example.org"
    %s
"""


@pytest.mark.parametrize(
    ("statement", "array"),
    [
        ("w = w - learning_rate * g", "w"),
        ("v = 0.9 * v + g; w -= v", "v"),
        ("v, x = g, t; w -= v", "v"),
        ("g = g + 0.1 * w; v *= 0.9; v += g; w -= learning_rate * v", ""),
        ("v[:] = 0.9 * v + g; w[:] = w - learning_rate * v", ""),
    ],
)
def test_a_plugin_that_rebinds_an_array_is_told(tmp_path, statement, array):
    path = plugin(tmp_path, "plugin_rebinds", REBOUND % statement)
    if not array:
        load_plugin(path)
        assert "plugin_rebinds" in rules
        return
    with pytest.raises(TypeError, match=f"rule plugin_rebinds, line 7: {array} = ... makes"):
        load_plugin(path)
    assert "plugin_rebinds" not in rules


def test_plugin_may_not_take_a_name(tmp_path):
    before = rules["adam"]
    with pytest.raises(ValueError, match=r'already a rule "adam" \(built-in\)'):
        load_plugin(plugin(tmp_path, "adam"))
    assert rules["adam"] is before


def test_plugin_that_fails_leaves_nothing_loaded(tmp_path):
    path = plugin(tmp_path, "plugin_fails", "raise RuntimeError('no')")
    before = set(sys.modules)
    for _ in range(2):
        with pytest.raises(RuntimeError, match="no"):
            load_plugin(path)
    assert set(sys.modules) == before
    load_plugin(plugin(tmp_path, "plugin_after"))

    @rule
    def mine(w, g, t, *, learning_rate=1.0):
        """Not the plugin's."""

    assert (rules["mine"].origin, rules["mine"].digest) == (SESSION, "")


def test_a_rule_of_an_imported_module_is_none_of_ours(tmp_path):
    """As this module is one: workers do not have it, unless it is a plugin, too."""

    @rule
    def mine(w, g, t, *, learning_rate=1.0):
        """The same as the plugin's."""

    assert rules["mine"].origin == SESSION
    path = plugin(tmp_path, "mine")
    load_plugin(path)
    assert rules["mine"].origin == str(path)
    with pytest.raises(ValueError, match=r'already a rule "adam" \(built-in\)'):

        @rule
        def adam(w, g, t, *, learning_rate=1.0):
            """Another."""


def test_missing_plugin(tmp_path):
    with pytest.raises(OSError, match="absent"):
        load_plugin(tmp_path / "absent.py")


def test_plugin_s_source_seeds_its_streams(tmp_path):
    text = (
        "from nncore.datasets import dataset\n\n@dataset(layers=['dense 1'])\n"
        "def {name}(rng):\n    '''Noise.'''\n    return rng.random((3, 2)), rng.random((3, 1))\n"
    )
    drawn = []
    for extra in ("", "\n# another source\n"):
        load_plugin(plugin(tmp_path, "plugin_noise", text + extra))
        drawn.append(draw({"name": "plugin_noise"}, 0)["train"].X)
    assert not np.isin(*drawn).any()


def test_an_edited_plugin_replaces_its_former_self(tmp_path: Path) -> None:
    path = tmp_path / "mine.py"
    text = "from nncore.schedules import schedule\n\n"
    text += "@schedule\ndef edited(t, total, *, a={}):\n    return t\n"
    for default in (1.0, 2.0):
        path.write_text(text.format(default))
        digest = load_plugin(path)
        assert schedules["edited"].parameters["a"] == default
        assert schedules["edited"].digest == digest


def test_what_a_plugin_imports_first_is_still_built_in(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text("import nncore.stack.training\nimport nncore.schedules\n")
    program = """
import sys
from nncore.registry import load_plugin
load_plugin(sys.argv[1])
from bench.cli.catalogue import KINDS
entries = [entry for registry in KINDS.values() for entry in registry.values()]
assert len(entries) > 50
assert all((entry.origin, entry.digest) == ("built-in", "") for entry in entries)
"""
    subprocess.run([sys.executable, "-c", program, str(tmp_path / "mine.py")], check=True)
