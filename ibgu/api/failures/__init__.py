"""Failures, grouped by what happened."""
