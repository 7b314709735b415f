"""Simulated patients with known truth: a body, deposits that grow, a CT, and the comparison of measured with true."""

from calciscope.simulate.body import Habitus
from calciscope.simulate.patient import Simulated, TrueDeposit, simulate

__all__ = ["Habitus", "Simulated", "TrueDeposit", "simulate"]
