"""Tests that need nothing: seconds."""
