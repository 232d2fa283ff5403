"""Action plugins: the part of a task that runs on the controller."""
