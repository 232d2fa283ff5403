"""Tunnels of the province: keys that are known, their rotation, their state."""
