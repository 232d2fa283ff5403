"""Ansible strategies of the toolkit."""
