"""Benchmarks: ratios of two things run side by side, against the lab with the fake hypervisor."""
