"""Tests, by what they need: unit and engine nothing, cloud a lab, e2e real guests."""

import os

# Where a developer keeps the state of a province is nothing that a test may touch.
os.environ.pop("PULUMI_BACKEND_URL", None)
