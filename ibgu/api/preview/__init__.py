"""The preview of a plan."""
