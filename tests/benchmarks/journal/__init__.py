"""The journal with years of history in it."""
