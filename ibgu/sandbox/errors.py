"""What the sandbox tells a person when it can't start."""


class SandboxError(Exception):
    """Something outside ibgu is missing or broke; the message says what, and what to do."""
