"""`audit.csv`: what may mislead."""

import pandas as pd

from bench.figures.material import Material
from bench.report.tables import table


@table("audit")
def audit(material: Material) -> pd.DataFrame:
    """A row per finding, with the figures it concerns."""
    return material.verdicts.audit
