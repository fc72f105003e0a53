"""Training many trials of equal shape side by side."""
