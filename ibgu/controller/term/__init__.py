"""Runs one term of a lead: what is created for it, and what a start checks after a restore."""
