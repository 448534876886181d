"""Asks who a caller is, and what a caller or ibgu may do."""
