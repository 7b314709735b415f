"""Doors that stay open: services that other programs call."""
