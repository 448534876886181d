"""Connects the commands to the REST API."""
