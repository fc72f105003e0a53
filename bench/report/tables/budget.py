"""`budget.csv`: what k tried configurations find."""

import pandas as pd

from bench.figures.material import Material
from bench.report.tables import table


@table("budget")
def budget(material: Material) -> pd.DataFrame:
    """A row per problem, optimizer and number of configurations."""
    return material.verdicts.budget
