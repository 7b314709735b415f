"""Measures without a threshold: sums of what calcium adds to the tissue around it."""
