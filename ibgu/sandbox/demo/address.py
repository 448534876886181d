"""The address of the demo's REST API: chosen before anything is started, for that takes a while."""

from ibgu.api.http.server import ListenError, bind
from ibgu.sandbox.errors import SandboxError

USUAL = "127.0.0.1:8080"
_FREE = "127.0.0.1:0"


def address(wanted: str) -> str:
    """Returns the address that was asked for; with none, the usual one, or a free port beside it.

    Raises SandboxError where an address that was asked for can't be listened on.
    """
    try:
        return _tried(wanted or USUAL)
    except ListenError as error:
        if wanted:
            raise SandboxError(f"{error}; --listen names another address") from error
    return _tried(_FREE)


def _tried(listen: str) -> str:
    """Returns the address with the port that it got, where any would do."""
    with bind(listen) as listener:
        host, _, port = listen.rpartition(":")
        return listen if port != "0" else f"{host}:{listener.getsockname()[1]}"
