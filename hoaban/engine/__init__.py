"""Engines: what turns a Pulumi program and a state into resources of a cloud."""
