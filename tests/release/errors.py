class ReleaseError(Exception):
    """A release can't be made; the message says why, and what to do."""
