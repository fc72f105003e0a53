"""Do the intervals and tests of `bench.stats` keep their promises? Simulation under known laws.

`python -m bench.studies.validate` prints the tables of docs/statistics.md, `--write` puts them
there.
"""
