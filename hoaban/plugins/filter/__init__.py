"""Filter plugins: expressions of the roles that are too long for a template."""
