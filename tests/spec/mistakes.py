"""Specs that will not do: what is said of them, held to what each line has to name.

Not to its wording: a line names the key, the value that is wrong and what would be right.
"""

import re
import tomllib

import pytest

from bench.spec.experiment import SpecError, load

PROBLEM = '[[problem]]\ndataset = "spiral"\n'
OPTIMIZER = '[[optimizer]]\nrule = "adam"\n'
BOTH = PROBLEM + OPTIMIZER


def errors(source, *overrides, plugins=()):
    """The lines that `load` says of `source`, a file or a dictionary."""
    with pytest.raises(SpecError) as caught:
        load(source, overrides, plugins)
    assert str(caught.value).splitlines() == caught.value.errors
    return caught.value.errors


def the_only_error(text, *overrides):
    """The one line that is said of a spec in TOML."""
    [error] = errors(tomllib.loads(text), *overrides)
    return error


def names(line, key, value, *right, where="spec"):
    """Assert that `line` is about `where` and `key`, and names a wrong `value` and what is right.

    The key is the whole path. The value and every word of `right` stand there on their own, as a
    spec writes them ("1" is not named by "10", "1.5" or "1,000"), and the value is not taken for
    what is right. An empty value: the key itself is what is wrong.
    """
    head = ": ".join(str(part) for part in (where, key) if part)
    assert line.startswith(f"{head}: "), f"{line!r} is not about {key!r}"
    told, found = re.subn(_alone(value), " ", line.removeprefix(f"{head}:"), count=1)
    assert found, f"{line!r} does not name the value {value!r}"
    for word in right:
        assert re.search(_alone(word), told), f"{line!r} does not say what is right: {word!r}"


def _alone(word):
    return rf"(?<![\w.-]){re.escape(word)}(?!\w|[.,]\d)" if word else ""
