"""Explains that simulator and sandbox are missing, as in the image of the controller."""

from collections.abc import Iterator
from contextlib import contextmanager

from ibgu.cli.errors import fail


@contextmanager
def sandbox_extra() -> Iterator[None]:
    """Ends the command if what is imported within is not installed."""
    try:
        yield
    except ModuleNotFoundError as error:
        fail(
            f"this command needs ibgu[sandbox], which is not installed here: there is no "
            f"{error.name}. Run pip install '.[sandbox]' in ibgu's checkout"
        )
