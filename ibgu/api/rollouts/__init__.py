"""Rollouts and their steps."""
