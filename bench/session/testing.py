"""The pytest fixture `convergence`, for a suite of one's own: has a spec's convergence regressed?

pytest imports this file wherever the package is installed: everything else waits for a test that
asks.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import pytest

if TYPE_CHECKING:
    from bench.session.results import Results

OPTION = "--update-convergence"


def pytest_addoption(parser: pytest.Parser) -> None:
    """The option that writes baselines."""
    parser.getgroup("bench").addoption(
        OPTION,
        action="store_true",
        help="Write the baselines of the fixture `convergence` instead of comparing with them.",
    )


@pytest.fixture
def convergence(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Convergence:
    """Fail where a spec's convergence has regressed: convergence("my_rule.toml")."""
    return Convergence(
        request.path.parent,
        lambda: tmp_path_factory.mktemp("convergence"),
        update=request.config.getoption(OPTION),
    )


@dataclass(frozen=True)
class Convergence:
    """What the fixture `convergence` is: specs count from `beside`, the folder of the test's file.

    Each call trains in a folder of its own from `empty`; with `update` it writes the baseline.
    """

    beside: Path
    empty: Callable[[], Path]
    update: bool = False

    def __call__(
        self,
        spec: str | Path,
        *,
        baseline: str | Path | None = None,
        overrides: Sequence[str] = (),
        jobs: int = 1,
        margin: float | None = None,
        strict: bool = False,
        unsure: Literal["fail", "pass"] = "fail",
    ) -> Results:
        """Train the spec and fail unless it converges as its baseline says; returns the results.

        `baseline` is a file of `bench baseline` or `pytest --update-convergence`, by default the
        one beside the spec, `my_rule.json` of `my_rule.toml`. `overrides` (`KEY=VALUE`) and `jobs`
        are those of `bench.run`, `margin` and `strict` those of `bench.check`. Where the gate
        cannot tell, the test fails: nobody knows that nothing is worse. With `unsure="pass"` it
        passes then.

        Fails with the gate's sentences, and with one line for a spec or a baseline that is wrong or
        missing. Raises ValueError for another word than those of `unsure`.
        """
        __tracebackhide__ = True
        if unsure not in ("fail", "pass"):
            raise ValueError(f'unsure={unsure!r}: is "fail" or "pass"')
        source = self.beside / spec
        known = source.with_suffix(".json") if baseline is None else self.beside / baseline
        if not (self.update or known.exists()):
            pytest.fail(
                f"{known}: there is no baseline yet; `pytest {OPTION}` writes it, to be committed",
                pytrace=False,
            )
        from bench.gate.findings import CODES
        from bench.session.folder import COMPUTING
        from bench.session.regression import check, write_baseline
        from bench.session.run import run
        from nncore.metrics import metrics
        from nncore.registry import kept

        try:
            # As in a process of its own, a plugin is loaded for this time alone.
            with kept(*COMPUTING, metrics):
                result = run(source, out=self.empty(), overrides=overrides, jobs=jobs, report=False)
                if self.update:
                    write_baseline(result, known, jobs=jobs)
                    return result
            found = check(result, known, margin=margin, strict=strict)
        except Exception as error:
            if not hasattr(error, "exit_code"):
                raise
            pytest.fail(str(error), pytrace=False)  # in a line or a few, as on the command line
        if not (found.ok or (unsure == "pass" and found.exit_code == CODES["cannot tell"])):
            pytest.fail(str(found), pytrace=False)
        return result
