"""Reports errors of the asking commands in one line."""

import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from io import TextIOWrapper

from ibgu.cli.errors import FAILED, MISUSED, fail
from ibgu.cli.read.inputs import in_words
from ibgu.client import RestError


@contextmanager
def asking(code: int = FAILED) -> Iterator[None]:
    """Ends the command with `code` on an error; symbols that the terminal lacks become "?"."""
    if not logging.root.handlers:
        # Libraries log what fails; it is reported in one line here.
        logging.root.addHandler(logging.NullHandler())
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")
    try:
        yield
    except RestError as error:
        misused = code == FAILED and error.inputs
        fail(in_words(error), MISUSED if misused else code)
