"""The command line: `python -m bench VERB`, installed as `bench`."""

from bench.cli.verbs import main

__all__ = ["main"]
