"""Rows of the journal as bodies of answers."""
