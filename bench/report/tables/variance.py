"""`variance.csv`: where the variance between runs comes from."""

import pandas as pd

from bench.figures.material import Material
from bench.report.tables import table


@table("variance", when=lambda material: bool(material.tables.twins))
def variance(material: Material) -> pd.DataFrame:
    """A row per configuration and stream, where `bench variance` has trained them."""
    return material.verdicts.variance
