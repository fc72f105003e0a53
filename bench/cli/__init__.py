"""The command line: `python -m bench VERB`, installed as `bench`."""

from bench.cli import clusters, paper  # their verbs are `main`'s
from bench.cli.verbs import main

__all__ = ["clusters", "main", "paper"]
