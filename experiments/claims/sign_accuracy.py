"""How often an output has the sign of its target, for labels 1 and -1 fitted as numbers."""

from nncore.metrics import metric


@metric(better="higher", worst=0.0, best=1.0, label="share of right signs", of="numbers")
def sign_accuracy(p, Y):
    """Share of samples whose output has the target's sign."""
    return ((p > 0) == (Y > 0)).mean(axis=(1, 2))


@metric(better="higher", worst=0.0, best=1.0, label="share of positive targets", of="numbers")
def positives(p, Y):
    """Share of samples whose target is positive: what says 1 to everything gets right."""
    return (Y > 0).mean(axis=(1, 2))
