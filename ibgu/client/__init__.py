"""A typed client of ibgu's REST API, blocking and from the standard library.

    client = Client("https://ibgu.example", token)
    for rollout in client.rollouts(namespace="default"):
        print(rollout.name, rollout.phase)

One method a route; answers are frozen structs whose fields are those of docs/rest.md, in
snake_case. It imports nothing heavy: a command must start quickly.
"""

from ibgu.client.routes import Routes
from ibgu.client.wire import TIMEOUT, RestError, Wire

__all__ = ["Client", "RestError"]


class Client(Routes):
    """Client raises RestError from every method; iterators raise it while they are read."""

    def __init__(
        self, server: str, token: str, ca_file: str | None = None, *, seconds: float = TIMEOUT
    ) -> None:
        """Connects to `server` as http://host:port or https://host. Raises RestError if it is
        neither. `seconds`: the timeout of a response."""
        self._wire = Wire(server, token, ca_file, seconds=seconds)
