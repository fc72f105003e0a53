"""`pairs.csv`: each optimizer against each other."""

import pandas as pd

from bench.figures.material import Material
from bench.report.tables import table


@table("pairs")
def pairs(material: Material) -> pd.DataFrame:
    """A row per problem and pair of optimizers."""
    return material.verdicts.pairs
