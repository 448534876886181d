"""Implements `ibgu login`: finds the REST API once and remembers it."""
