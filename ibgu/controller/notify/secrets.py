"""Reads addresses, keys and tokens again for each request, so that they can be changed at any
time."""

from pathlib import Path

from msgspec import Struct

from ibgu.core.notify import HealthSource, InvalidSecret, Receiver, keys, url_problem


class SecretUnavailable(Exception):
    """SecretUnavailable names the field whose file can't be used, and quotes none of its
    content."""


class Secrets(Struct, frozen=True):
    url: str
    signing: tuple[bytes, ...]
    """Empty: nothing is signed."""
    token: str
    hidden: tuple[str, ...]
    """Values that must not be logged or shown."""


def secrets_of(receiver: Receiver | HealthSource) -> Secrets:
    """Reads the secrets of a receiver, or of a source. Raises SecretUnavailable."""
    named = _value("url", receiver.url_file)
    url = named or receiver.url
    token = _value("token", receiver.token_file)
    secret = _value("secret", receiver.secret_file) if isinstance(receiver, Receiver) else ""
    if wrong := url_problem(url, token=bool(token)):
        raise SecretUnavailable(f"url: what is there {wrong}")
    try:
        signing = keys(secret) if secret else ()
    except InvalidSecret as error:
        raise SecretUnavailable(f"secret: {error}") from error
    return Secrets(url, signing, token, _hidden(named, token, *secret.split()))


def _value(field: str, path: str) -> str:
    """Returns the content of the file; empty if none is configured."""
    if not path:
        return ""
    try:
        value = Path(path).read_text().strip()
    except (OSError, UnicodeError) as error:
        words = error.strerror if isinstance(error, OSError) else "no text"
        raise SecretUnavailable(f"{field}File: {path} can't be read: {words}") from error
    if not value:
        raise SecretUnavailable(f"{field}File: {path} is empty")
    return value


def _hidden(url: str, *others: str) -> tuple[str, ...]:
    """Returns the values to hide; of a secret address also its path, which errors may quote
    alone."""
    path = url.partition("://")[2].partition("/")[2]
    return tuple(value for value in (url, path, *others) if value)
