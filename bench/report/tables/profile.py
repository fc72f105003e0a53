"""`profile.csv`: the share of problems and seeds within a factor of the fastest."""

import pandas as pd

from bench.figures.material import Material
from bench.report.tables import table


@table("profile")
def profile(material: Material) -> pd.DataFrame:
    """A row per optimizer and factor."""
    return material.verdicts.profile
