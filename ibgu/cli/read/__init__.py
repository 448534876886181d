"""Implements the commands that ask the REST API."""
