"""Stores where the user is logged in, by the kubeconfig's context: an address, never a secret.

The token stays in the kubeconfig, whose current context says whose it is. Kubeconfigs of several
hubs often share a context's name, so an entry counts for one hub only: the token of another must
not go to its address.
"""

import os
from contextlib import suppress
from pathlib import Path

import msgspec
from msgspec import Struct

from ibgu.client import RestError


class Login(Struct, frozen=True, rename="camel"):
    server: str
    ca_file: str = ""
    hub: str = ""
    """Address of the API server for whose context it is kept."""


class _File(Struct, frozen=True, rename="camel"):
    """_File holds logins by the name of the kubeconfig's context."""

    logins: dict[str, Login] = {}


def path() -> Path:
    """Returns the file's path, by the XDG specification."""
    base = os.environ.get("XDG_CONFIG_HOME") or "~/.config"
    return Path(base).expanduser() / "ibgu" / "logins.json"


def load(context: str, hub: str) -> Login | None:
    """Returns the stored login. Raises RestError for an entry of another hub, or a broken file:
    falling back silently would show the user something else."""
    found = _read().logins.get(context)
    if found is None or found.hub == hub:
        return found
    was = f"of the hub {found.hub}" if found.hub else "of an unknown hub"
    raise RestError(
        f"the login for {found.server} is for a context {context or 'of no name'} "
        f"{was}, and your kubeconfig is for {hub or 'none'}; run ibgu login again, or "
        "set the address with --server or IBGU_SERVER"
    )


def save(context: str, login: Login) -> None:
    """Stores the login; an unreadable file is replaced. Raises RestError."""
    logins: dict[str, Login] = {}
    with suppress(RestError):
        logins = _read().logins
    _write({**logins, context: login})


def remove(context: str, hub: str) -> Login | None:
    """Removes and returns the login of this hub. Raises RestError."""
    found = _read().logins.get(context)
    if found is not None and found.hub != hub:
        return None
    if found is not None:
        _write({name: login for name, login in _read().logins.items() if name != context})
    return found


def _read() -> _File:
    try:
        return msgspec.json.decode(path().read_bytes(), type=_File)
    except FileNotFoundError:
        return _File()
    except (OSError, msgspec.DecodeError) as error:
        why = getattr(error, "strerror", None) or "the content is invalid"
        raise RestError(
            f"can't read {path()}: {why}; run ibgu login to replace it, or set the address "
            "with --server or IBGU_SERVER"
        ) from error


def _write(logins: dict[str, Login]) -> None:
    """Writes the file, readable for its owner only."""
    try:
        path().parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        new = path().with_suffix(f".{os.getpid()}")
        handle = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(handle, "wb") as file:
            file.write(msgspec.json.format(msgspec.json.encode(_File(logins)), indent=2) + b"\n")
        new.replace(path())
    except OSError as error:
        raise RestError(f"can't write {path()}: {error.strerror}") from error
