"""Decides on a member: probes it, arms its runs, follows them to their end, and past it."""
