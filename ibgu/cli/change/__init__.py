"""Implements the commands that change a rollout, and the preview of a plan."""
