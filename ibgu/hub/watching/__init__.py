"""Keeps a store in memory in sync with one kind on the hub."""
