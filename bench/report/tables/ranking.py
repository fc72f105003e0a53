"""`ranking.csv`: who is how good, on each problem and across problems."""

import pandas as pd

from bench.figures.material import Material
from bench.report.tables import table


@table("ranking")
def ranking(material: Material) -> pd.DataFrame:
    """A row per problem and optimizer, and one per optimizer over all problems."""
    return material.verdicts.ranking
