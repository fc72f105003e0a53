"""The command line: `python -m bench VERB`, installed as `bench`."""

# Their verbs are `main`'s.
from bench.cli import clusters, gate, paper, reference, results, studies, training
from bench.cli.verb import main

__all__ = ["clusters", "gate", "main", "paper", "reference", "results", "studies", "training"]
