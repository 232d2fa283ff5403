"""What a province and its agencies need, and what follows from it."""
