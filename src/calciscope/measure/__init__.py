"""Deposits to numbers: calcium scores, sizes and attenuation, each with how far this acquisition supports it."""

from calciscope.measure.presets import DEFAULT, Preset, Threshold, preset
from calciscope.measure.sites import measure

__all__ = ["DEFAULT", "Preset", "Threshold", "measure", "preset"]
