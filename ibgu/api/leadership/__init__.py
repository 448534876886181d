"""Which controller leads."""
