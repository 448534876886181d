"""Connects to the REST API."""

from ibgu.client.routes import Routes
from ibgu.client.wire import TIMEOUT, Wire


class Client(Routes):
    """Client raises RestError from every method; iterators raise it while they are read."""

    def __init__(
        self, server: str, token: str, ca_file: str | None = None, *, seconds: float = TIMEOUT
    ) -> None:
        """Connects to `server` as http://host:port or https://host. Raises RestError if it is
        neither. `seconds`: the timeout of a response."""
        self._wire = Wire(server, token, ca_file, seconds=seconds)
