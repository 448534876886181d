"""Runs the turns: what is queued, what is decided, what is committed, and what follows from it."""
