"""`claims.csv`: what the spec claims beforehand, and the answers."""

import pandas as pd

from bench.figures.material import Material
from bench.report.tables import table
from bench.verdicts.claims import frame


@table("claims", when=lambda material: bool(material.claims.decided))
def claims(material: Material) -> pd.DataFrame:
    """A row per claim, with the quantity that decides it."""
    return frame(material.claims)
