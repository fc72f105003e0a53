"""The command line: `python -m bench VERB`, installed as `bench`."""

from bench.cli import clusters, gate, reference, results, studies, training  # their verbs: `main`'s
from bench.cli.verb import main

__all__ = ["clusters", "gate", "main", "reference", "results", "studies", "training"]
