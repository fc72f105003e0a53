"""Has convergence regressed? A baseline, and what is found against it."""
