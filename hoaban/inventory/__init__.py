"""The running estate, read from the stacks' state: hosts, groups, variables, ways to log in."""
