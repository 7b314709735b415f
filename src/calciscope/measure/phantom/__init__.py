"""Calibration phantoms: which are known, and the rods of one in an image."""
