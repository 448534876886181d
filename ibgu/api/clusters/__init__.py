"""Clusters by name, over all rollouts."""
