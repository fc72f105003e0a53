"""What verbs share: their group, their options, and how they end."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any

import click

FAILED = 1
BAD = 2
IO = 74


def exit_codes(verb: Callable[..., int | None]) -> Callable[..., None]:
    """Turn what a verb returns or raises into an exit code and one or a few lines."""

    @wraps(verb)
    def wrapped(*args: Any, **options: Any) -> None:
        from bench.cli import broken_pipe, no_room
        from bench.run import signals

        broken_pipe.install()
        no_room.install()
        try:
            with signals.as_exceptions():
                code = verb(*args, **options) or 0
        except KeyboardInterrupt as error:
            code = complain(signals.GOODBYE, getattr(error, "exit_code", 130))
        except OSError as error:
            where = f"{error.filename}: " if error.filename else ""
            code = complain(f"{where}{error.strerror or error}", IO)
        except Exception as error:
            if hasattr(error, "exit_code"):
                code = complain(str(error), error.exit_code)
            elif no_room.is_it(error):
                what = f": {error}" if isinstance(error, ImportError) else ""
                code = complain(f"out of memory{what}; what was stored before is intact", IO)
            else:
                raise
        sys.exit(code)

    return wrapped


def complain(message: str, code: int) -> int:
    """Say what is wrong, on stderr; returns the exit code."""
    click.echo(message, err=True)
    return code


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="bench-optimizers", message="bench %(version)s")
def main() -> None:
    """Compare neural-network optimizers: exactly, honestly, fast.

    A spec (TOML) crosses optimizers with hyperparameters over problems and seeds; `run` trains the
    trials in parallel and writes CSV reports and figures.

    Exit codes: 0 done; 1 done, with crashed trials (check: regression; reproduce: mismatch;
    claims: one is contradicted); 2 bad spec, arguments or folder, nothing written; 3 check or
    claims cannot tell; 74 input or output failed, stored work intact; 130, 143 interrupted,
    finished work stored.
    """


no_report = click.option(
    "--no-report", is_flag=True, help="Write no CSV files and figures; `bench report` does."
)
no_html = click.option("--no-html", is_flag=True, help="Leave report.html out of the report.")
folder_argument = click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
spec_argument = click.argument("spec", type=click.Path(path_type=Path))
jobs_option = click.option(
    "--jobs", "-j", type=click.IntRange(1), help="Worker processes; default: one per core."
)
out_option = click.option(
    "--out", "-o", type=click.Path(path_type=Path), help="Results folder; default: results/NAME."
)
set_option = click.option(
    "--set",
    "overrides",
    metavar="KEY=VALUE",
    multiple=True,
    help="Override a key of the spec, as seeds=3 or problem.spiral.epochs=1000. Repeatable.",
)
plugin_option = click.option(
    "--plugin",
    "plugins",
    metavar="FILE",
    multiple=True,
    type=click.Path(path_type=Path),
    help="A Python file with rules, schedules or datasets of your own. Repeatable.",
)
retry_option = click.option("--retry-crashed", is_flag=True, help="Train crashed trials again.")
quiet_option = click.option("--quiet", "-q", is_flag=True, help="Say nothing but what went wrong.")
