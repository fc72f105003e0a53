"""Tables that scikit-learn ships."""

from __future__ import annotations

from nncore.datasets.kinds import XY
from nncore.datasets.tables import table


def _shipped(loader: str) -> XY:
    """Samples that scikit-learn ships; raises ValueError where it is not installed."""
    try:
        import sklearn.datasets
    except ImportError as error:
        raise ValueError(
            f"this data comes with scikit-learn, which cannot be imported ({error}): "
            "pip install scikit-learn"
        ) from error
    X, y = getattr(sklearn.datasets, loader)(return_X_y=True)
    return X, y if y.dtype.kind in "iu" else y[:, None]


@table
def digits(*, test: float = 0.2, validation: float = 0.2) -> XY:
    """1,797 handwritten digits of 8 by 8 points, ten classes. https://archive.ics.uci.edu/dataset/80"""
    return _shipped("load_digits")


@table
def breast_cancer(*, test: float = 0.2, validation: float = 0.2) -> XY:
    """569 tumours in 30 measures, malign or benign. https://archive.ics.uci.edu/dataset/17"""
    return _shipped("load_breast_cancer")


@table
def wine(*, test: float = 0.2, validation: float = 0.2) -> XY:
    """178 wines in 13 measures, three cultivars. https://archive.ics.uci.edu/dataset/109"""
    return _shipped("load_wine")


@table
def diabetes(*, test: float = 0.2, validation: float = 0.2) -> XY:
    """442 patients in 10 measures, regression on progress a year later. https://www4.stat.ncsu.edu/~boos/var.select/diabetes.html"""
    return _shipped("load_diabetes")
