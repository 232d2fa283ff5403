"""Runs playbooks and tells how they go."""
