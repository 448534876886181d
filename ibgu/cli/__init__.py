"""The command `ibgu`. Its modules are imported when it is called: Ctrl-C during that second ends it
as it does later, and not with a traceback."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

INTERRUPTED = 130
"""The exit code of shells for Ctrl-C."""


@contextmanager
def _quietly() -> Iterator[None]:
    try:
        yield
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)


def main() -> None:
    """Runs the command; as a plugin, its name is `kubectl ibgu`."""
    with _quietly():
        from ibgu.cli.app import main as run

        run()


def kubectl_complete() -> None:
    """Completes `kubectl ibgu WORDS` for kubectl."""
    with _quietly():
        from ibgu.cli.app import kubectl_complete as complete

        complete()
