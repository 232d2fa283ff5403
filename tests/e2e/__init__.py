"""The whole way with real guests: what a person types, and what then runs."""
