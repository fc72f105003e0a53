"""The documents by distribution, and what their slips cost: `python -m bench.studies.documents`.

Documents 000, 001 and 004 ran without seeds, so their printed numbers cannot be printed again. The
specs in `experiments/documents` train many seeds of each, of document 003's cells and of its slips;
this package says where every printed value falls among them (`standings`), and what every slip
changes (`slips`), in tables and figures.
"""
