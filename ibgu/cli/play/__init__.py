"""Implements the commands that need no fleet: `simulate` and `demo`."""
