"""Runs the processes: their parts, start and end."""
