"""`seconds.csv`: what an epoch costs."""

import pandas as pd

from bench.figures.material import Material
from bench.report.tables import table


@table("seconds")
def seconds(material: Material) -> pd.DataFrame:
    """A row per problem and rule."""
    return material.tables.costs
