"""Callback plugins: they watch runs."""
