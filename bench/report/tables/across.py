"""`across.csv`: who is how good on problems like these."""

import pandas as pd

from bench.figures.material import Material
from bench.report.tables import table


@table("across")
def across(material: Material) -> pd.DataFrame:
    """A row per optimizer that meets the others on every problem compared."""
    return material.verdicts.across
