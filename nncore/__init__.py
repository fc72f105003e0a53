"""The NumPy core: what a trial is made of."""
