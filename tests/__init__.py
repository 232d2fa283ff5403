"""Tests, by what they need: unit and engine nothing, cloud a lab, e2e real guests."""
