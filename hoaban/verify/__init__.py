"""Checks on the running hosts what was promised of them."""
