"""Updates in waves: few hosts at a time, gated by their health, to be gone on with after a stop."""
