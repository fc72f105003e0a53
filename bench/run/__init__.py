"""Stacks to results on worker processes, however those end."""
