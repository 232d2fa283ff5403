"""Modules: run on the configured hosts by their own Python, which has only the standard library."""
