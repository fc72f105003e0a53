"""`time_to_target.csv`: how long optimizers take to their problem's targets."""

import pandas as pd

from bench.figures.material import Material
from bench.report.tables import table


@table("time_to_target")
def time_to_target(material: Material) -> pd.DataFrame:
    """A row per problem, target and optimizer."""
    return material.verdicts.times
