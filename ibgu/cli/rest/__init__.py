"""Asking the REST API."""
