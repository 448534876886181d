"""Elects the leader by a Lease."""
