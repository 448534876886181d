"""Errors that tell a person why the sandbox can't start."""


class SandboxError(Exception):
    """Something outside ibgu is missing or broke; the message says what, and what to do."""
