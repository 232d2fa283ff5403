"""Inventory plugins."""
