"""Tools of the tests that need machines: containers for roles."""
