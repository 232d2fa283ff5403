"""A real OpenStack on one machine, to try things on."""
