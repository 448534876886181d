"""Writes to the hub: objects, Events, and what a person changes."""
