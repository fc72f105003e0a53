"""What changes numbers is told apart from what does not."""

import json
import shutil
import subprocess
import sys

import pytest

from bench.store import provenance

CODE = b'''
"""Numbers."""
import math

def area(radius, *, scale=2.0):
    """Of a circle."""
    # the usual
    return math.pi * radius ** 2 * scale
'''


@pytest.mark.parametrize(
    ("old", "new", "same"),
    [
        (b"# the usual", b"", True),
        (b'"""Of a circle."""', b"'''Else.\n    More.'''", True),
        (b'    """Of a circle."""\n', b"", True),
        (b'"""Numbers."""', b"", True),
        (b"radius ** 2", b"( radius**2 )", True),
        (b"import math\n", b"import math\n\n\n", True),
        (b"2.0", b"2.00", True),
        (b"2.0", b"2", False),
        (b"2.0", b"2.0000000000000004", False),
        (b"** 2", b"** 3", False),
        (b"math.pi * radius", b"radius * math.pi", False),
        (b"*, scale", b"scale", False),
        (b"return", b"yield", False),
        (b'"""Numbers."""', b"'''Numbers.''' or 1", False),
    ],
)
def test_a_digest_covers_what_runs(old, new, same):
    assert old in CODE
    changed = CODE.replace(old, new)
    assert (provenance.code_digest(changed) == provenance.code_digest(CODE)) is same


def test_a_text_that_is_no_docstring_counts():
    assert provenance.code_digest(b"x = 'a'") != provenance.code_digest(b"x = 'b'")
    assert provenance.code_digest(b"f(1)\n'a'") != provenance.code_digest(b"f(1)\n'b'")


def test_the_fingerprint_is_the_same_in_every_process_and_fits_json(tmp_path):
    plugin = tmp_path / "mine.py"
    plugin.write_bytes(CODE)
    here = provenance.fingerprint([plugin])
    code = (
        "import json, scipy.linalg; from bench.store import provenance;"
        f"print(json.dumps(provenance.fingerprint([{str(plugin)!r}])))"
    )
    there = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True).stdout
    assert json.loads(there) == here
    assert provenance.differences(json.loads(there), here) == []
    assert "nncore/rules/__init__.py" in here["core"] or "nncore/rules.py" in here["core"]
    assert not any(name.startswith("bench") for name in here["core"])
    assert here["blas"]
    assert here["vectors"]


def test_differences_are_named(tmp_path):
    plugin = tmp_path / "mine.py"
    plugin.write_bytes(CODE)
    then = provenance.fingerprint([plugin])
    plugin.write_bytes(CODE.replace(b"** 2", b"** 3"))
    now = provenance.fingerprint([plugin])
    assert provenance.differences(then, now) == ["plugin mine.py changed"]
    name = next(iter(then["core"]))
    core = {"other.py": "0", **then["core"], name: "1"}
    changes = {"numpy": "1.0", "blas": "x", "vectors": "y", "core": core, "plugins": {}}
    assert provenance.differences(changes, then) == [
        f"{name} changed",
        "other.py is gone",
        f"NumPy: 1.0 then, {then['numpy']} now",
        f"BLAS: x then, {then['blas']} now",
        f"processor's vectors: y then, {then['vectors']} now",
    ]
    assert provenance.differences(then, {**then, "core": core})[-1] == "other.py is new"


def test_vector_instructions_that_are_switched_off_are_seen():
    code = "from bench.store import provenance; print(provenance.vectors())"
    names = provenance.vectors().split()
    dispatched = [name for name in names[1:] if name not in ("X86_V2", "SSE", "NEON", "ASIMD")]
    if not dispatched:
        pytest.skip("this processor has none that can be switched off")
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code],
        env={"NPY_DISABLE_CPU_FEATURES": dispatched[-1]},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.split() == [name for name in names if name != dispatched[-1]]


def test_the_environment_fits_json_and_says_which_revision():
    found = provenance.environment()
    assert json.loads(json.dumps(found)) == found
    assert found["packages"]["numpy"]
    if shutil.which("git") and (provenance.ROOT / ".git").exists():
        assert len(found["revision"].rstrip("+")) == 40


def test_code_that_runs_has_no_mistakes_but_the_parser_may_lack_room(monkeypatch):
    def parsed(source):
        raise SyntaxError("invalid syntax")

    monkeypatch.setattr(provenance, "code_digest", parsed)
    with pytest.raises(MemoryError, match="cannot be parsed"):
        provenance.fingerprint()
