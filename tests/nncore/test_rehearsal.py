"""What a rule's rehearsal sees: every wrong rule by its name, file and line, and no right one."""

import random
import textwrap
from dataclasses import replace

import pytest

from nncore.registry import kept, load_plugin
from nncore.rehearsal import fault, wrapper_fault
from nncore.rules import rules
from nncore.wrappers import wrappers

HEAD = "import random; import numpy as np; from nncore.rules import norm, rule\n"

# What is wrong, the line of the rule's source that says so, and the rule.
WRONG = {
    "a norm over the stack": (
        "mixes the trials of a stack",
        2,
        """
        @rule(per="tensor")
        def wrong(w, g, t, *, learning_rate=0.01):
            w -= learning_rate * np.linalg.norm(w) * g / (np.linalg.norm(g) + 1e-8)
        """,
    ),
    "the first trial's rate for all": (
        "mixes the trials of a stack",
        2,
        """
        @rule
        def wrong(w, g, t, *, learning_rate=0.01):
            w -= float(learning_rate[0, 0]) * g
        """,
    ),
    "a mean over trials": (
        "mixes the trials of a stack",
        2,
        """
        @rule(per="network")
        def wrong(w, g, t, *, learning_rate=0.01):
            w -= learning_rate * (g + g.mean(axis=0))
        """,
    ),
    "np.random": (
        "draws from np.random or random",
        2,
        """
        @rule
        def wrong(w, g, t, *, learning_rate=0.01):
            w -= learning_rate * (g + np.random.standard_normal(g.shape))
        """,
    ),
    "random": (
        "draws from np.random or random",
        2,
        """
        @rule(per="trial")
        def wrong(w, g, t, *, learning_rate=0.01):
            return [x - random.random() * learning_rate * d for x, d in zip(w, g)]
        """,
    ),
    "a generator of its own": (
        "does not compute the same again: it draws random numbers",
        4,
        """
        stream = np.random.default_rng(0)

        @rule
        def wrong(w, g, t, *, learning_rate=0.01):
            w -= learning_rate * stream.random() * g
        """,
    ),
    "returning w": (
        "returns something",
        3,
        """
        @rule
        def wrong(w, g, t, *, learning_rate=0.01):
            return w - learning_rate * g
        """,
    ),
    "state in a closure": (
        "keeps state outside its buffers",
        4,
        """
        def made():
            velocity = [0.0]
            @rule
            def wrong(w, g, t, *, learning_rate=0.01):
                velocity[0] = 0.9 * velocity[0] - learning_rate * g
                w[:] += velocity[0]
        made()
        """,
    ),
    "state that begins anew with every training": (
        "fails when a neighbour in its stack diverges and leaves",
        3,
        """
        state = {}
        @rule
        def wrong(w, g, t, *, learning_rate=0.01):
            if t == 1:
                state["v"] = np.zeros(w.shape)
            state["v"] = 0.9 * state["v"] - learning_rate * g
            w += state["v"]
        """,
    ),
    "state of one network for all": (
        "mixes the trials of a stack: what becomes of one depends on the others; it keeps state",
        3,
        """
        state = {}
        @rule(per="trial")
        def wrong(w, g, t, *, learning_rate=0.01):
            if t == 1:
                state["v"] = [0 * x for x in w]
            state["v"] = [0.9 * v - learning_rate * d for v, d in zip(state["v"], g)]
            return [x + v for x, v in zip(w, state["v"])]
        """,
    ),
    "a mean over trials, now and then": (
        "mixes the trials of a stack",
        2,
        """
        @rule
        def wrong(w, g, t, total, *, learning_rate=0.01):
            total += g
            if t % 50 == 0:
                w -= learning_rate * total.mean(axis=0)
        """,
    ),
    "a neighbour's infinity": (
        "does something else when a neighbour in its stack diverges",
        2,
        """
        @rule
        def wrong(w, g, t, *, learning_rate=0.01):
            w -= learning_rate * (g if np.isfinite(g).all() else 0)
        """,
    ),
    "one stream for all": (
        "mixes the trials of a stack",
        2,
        """
        @rule
        def wrong(w, g, t, *, learning_rate=0.01, rng):
            w -= learning_rate * (g + rng[-1].standard_normal(w.shape[1]))
        """,
    ),
    "a loss of all": (
        "mixes the trials of a stack",
        2,
        """
        @rule
        def wrong(w, g, t, *, learning_rate=0.01, loss):
            w -= learning_rate * g * loss(w - g).mean()
        """,
    ),
    "nothing ever changed": (
        "never changes w",
        2,
        """
        @rule
        def wrong(w, g, t, *, learning_rate=0.01):
            w - learning_rate * g
        """,
    ),
    "a copy changed": (
        "changes a copy of w",
        2,
        """
        @rule
        def wrong(w, g, t, *, learning_rate=0.01):
            flat = w.ravel()
            flat -= (learning_rate * g).ravel()
        """,
    ),
    "a buffer rebound": (
        "binds m to other arrays and leaves m itself as it is",
        3,
        """
        @rule(per="trial")
        def wrong(w, g, t, m, *, learning_rate=0.01):
            m = [0.9 * a + b for a, b in zip(m, g)]
            return [x - learning_rate * a for x, a in zip(w, m)]
        """,
    ),
    "w rebound": (
        "binds w to other arrays and leaves w itself as it is: change it in place, or return w",
        3,
        """
        @rule(per="trial")
        def wrong(w, g, t, *, learning_rate=0.01):
            w = [x - learning_rate * d for x, d in zip(w, g)]
        """,
    ),
}

RIGHT = {
    "in place": """
        @rule(per="trial")
        def right(w, g, t, m, *, learning_rate=0.01):
            for x, d, a in zip(w, g, m):
                a[:] = 0.9 * a + d
                x -= learning_rate * a
        """,
    "only now and then": """
        @rule
        def right(w, g, t, total, *, learning_rate=0.01):
            total += g
            if t % 50 == 0:
                w -= learning_rate * total
                total[:] = 0
        """,
    "a generator for each update": """
        @rule(per="trial")
        def right(w, g, t, *, learning_rate=0.01):
            noise = np.random.default_rng(t)
            return [x - learning_rate * (d + noise.standard_normal(d.shape)) for x, d in zip(w, g)]
        """,
    "norms of each trial": """
        @rule(per="tensor")
        def right(w, g, t, *, learning_rate=0.01):
            w -= learning_rate * g * norm(w) / (norm(g) + 1e-8)
        """,
    "numbers of the trial's own": """
        @rule(per="trial")
        def right(w, g, t, *, learning_rate=0.01, rng):
            return [x - learning_rate * (d + rng.standard_normal(d.shape)) for x, d in zip(w, g)]
        """,
    "streams of a stack": """
        @rule
        def right(w, g, t, *, learning_rate=0.01, rng):
            noise = np.array([stream.standard_normal(w.shape[1]) for stream in rng])
            w -= learning_rate * (g + noise)
        """,
    "the batch again": """
        @rule
        def right(w, g, t, *, learning_rate=0.01, gradient):
            w -= learning_rate * gradient(w - learning_rate * g)
        """,
    "a line search": """
        @rule(per="trial")
        def right(w, g, t, *, learning_rate=0.01, loss):
            rate, here = 64 * learning_rate, loss(w)
            while rate > 1e-9:
                tried = [x - rate * d for x, d in zip(w, g)]
                if loss(tried) < here:
                    return tried
                rate /= 2
            return w
        """,
    # Its trials will say why they crashed.
    "one that raises": """
        @rule
        def right(w, g, t, *, learning_rate=0.01):
            raise RuntimeError("no")
        """,
}


def rehearsed(folder, source):
    """The sentence about the rule in `source`, which begins in line 2 of its file."""
    path = folder / "mine.py"
    path.write_text(HEAD + textwrap.dedent(source).strip() + "\n")
    with kept(rules):
        load_plugin(path)
        return fault(next(rules[name] for name in ("wrong", "right") if name in rules))


@pytest.mark.parametrize("case", WRONG)
def test_a_wrong_rule_is_named_with_its_line(case, tmp_path):
    what, line, source = WRONG[case]
    found = rehearsed(tmp_path, source)
    assert found.startswith(f"mine.py, line {line + 1}: rule wrong "), found
    assert what in found
    assert "\n" not in found


@pytest.mark.parametrize("case", RIGHT)
def test_a_right_rule_is_let_through(case, tmp_path):
    assert rehearsed(tmp_path, RIGHT[case]) == ""


def test_a_package_s_rule_is_named_with_its_options():
    def still(w, g, t, v, *, learning_rate, momentum, options):
        """Nothing."""

    its = {"function": still, "package": "some 1.0", "needs": ("options",)}
    found = fault(replace(rules["sgd"], **its, options={"nesterov": True}))
    assert found == "sgd (nesterov true) cannot run here: it never changes w"
    assert fault(replace(rules["sgd"], **its)).startswith("sgd cannot run here: ")


COUNTS = []
# What another package's rule may do wrong, and what is said: no advice on how to write it.
PACKAGED = {
    "draws": (
        lambda g: random.random() * g,
        "draws from np.random or random: nobody could repeat its trials",
    ),
    "counts": (
        lambda g: (COUNTS.append(0) or 1 / len(COUNTS)) * g,
        "does not compute the same again: it draws random numbers of its own, or keeps state "
        "outside the optimizer, in a module or a class",
    ),
}


@pytest.mark.parametrize("case", PACKAGED)
def test_of_a_package_s_rule_nobody_is_told_how_to_write_it(case):
    change, said = PACKAGED[case]

    def wrong(w, g, t, *, learning_rate):
        w -= change(g)

    made = {
        "function": wrong,
        "package": "some 1.0",
        "buffers": (),
        "parameters": {"learning_rate": 0.1},
    }
    assert fault(replace(rules["sgd"], **made)) == f"sgd cannot run here: it {said}"


@pytest.mark.parametrize("name", rules)
def test_the_built_in_rules_are_right(name):
    assert fault(rules[name]) == ""


WRAPPER_HEAD = "import numpy as np; from nncore.wrappers import wrapper\nSEEN = []\n"
WRONG_WRAPPERS = {
    "a mean over trials": (
        "mixes the trials of a stack",
        """
        @wrapper(changes=["g"])
        def wrong(w, g, t, step, *, rate=0.5):
            step(g - rate * g.mean())
        """,
    ),
    "np.random": (
        "draws from np.random or random",
        """
        @wrapper(changes=["g"])
        def wrong(w, g, t, step, *, rate=0.5):
            step(g + np.random.standard_normal(g.shape))
        """,
    ),
    "state of its own": (
        "keeps state outside its buffers",
        """
        @wrapper(changes=["g"])
        def wrong(w, g, t, step, *, rate=0.5):
            SEEN.append(np.array(g[:1]))
            step(g + sum(SEEN))
        """,
    ),
    "no step": (
        "never calls step",
        """
        @wrapper(changes=["w"])
        def wrong(w, g, t, step, *, rate=0.5):
            w -= rate * g
        """,
    ),
    "a mean over trials, now and then": (
        "mixes the trials of a stack",
        """
        @wrapper(changes=["g"])
        def wrong(w, g, t, step, total):
            total += g.mean()
            if t % 50 == 0:
                step(total)
        """,
    ),
    "two steps": (
        "calls step more than once",
        """
        @wrapper(changes=["w"])
        def wrong(w, g, t, step, *, rate=0.5):
            step(g)
            step(g)
        """,
    ),
}


@pytest.mark.parametrize("case", WRONG_WRAPPERS)
def test_a_wrong_wrapper_is_told_by_name_file_and_line(case, tmp_path):
    said, source = WRONG_WRAPPERS[case]
    path = tmp_path / "mine.py"
    path.write_text(WRAPPER_HEAD + textwrap.dedent(source).lstrip())
    with kept(wrappers):
        load_plugin(path)
        found = wrapper_fault(wrappers["wrong"])
    assert found.startswith("mine.py, line 4: wrapper wrong ")
    assert said in found


RIGHT_WRAPPERS = {
    "one that collects gradients": """
        @wrapper(changes=["g"])
        def right(w, g, t, step, total):
            total += g
            if t % 4 == 0:
                step(total / 4)
                total[:] = 0
        """,
    "one that collects many": """
        @wrapper(changes=["g"])
        def right(w, g, t, step, total):
            total += g
            if t % 50 == 0:
                step(total)
                total[:] = 0
        """,
    "one that moves while it collects": """
        @wrapper(changes=["g", "w"])
        def right(w, g, t, step, total):
            w *= 0.99
            total += g
            if t % 50 == 0:
                step(total)
                total[:] = 0
        """,
}


@pytest.mark.parametrize("case", RIGHT_WRAPPERS)
def test_a_right_wrapper_is_let_through(case, tmp_path):
    path = tmp_path / "mine.py"
    path.write_text(WRAPPER_HEAD + textwrap.dedent(RIGHT_WRAPPERS[case]).lstrip())
    with kept(wrappers):
        load_plugin(path)
        assert wrapper_fault(wrappers["right"]) == ""


@pytest.mark.parametrize("name", wrappers)
def test_every_wrapper_of_ours_passes(name):
    assert wrapper_fault(wrappers[name]) == ""
