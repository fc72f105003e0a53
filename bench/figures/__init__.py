"""Frames -> figures: pages of panels, in one style, with nothing lost off an axis."""
