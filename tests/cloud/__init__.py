"""Tests against the lab: a real OpenStack with the fake hypervisor."""
