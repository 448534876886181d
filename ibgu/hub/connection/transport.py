"""Wraps aiohttp for `client`: its session, its errors, its streams."""

import asyncio
import os
import socket
import ssl
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory

import aiohttp

from ibgu.hub.connection.endpoint import ClientCertificate, Endpoint
from ibgu.hub.errors import CERTIFICATE, TRANSPORT, HubError, read_error

READ_BUFFER = 2**21
"""Bytes; an object may have 1.5 MiB in etcd and stands in one line of a watch."""

CONNECTIONS = 100
"""The most connections to the hub at once."""

LISTEN = 0.02
"""Seconds between the two checks that declare a watch silent."""

KEEPALIVE = {"TCP_KEEPIDLE": 20, "TCP_KEEPINTVL": 5, "TCP_KEEPCNT": 4}
"""Seconds, seconds, times: a watch whose peer vanished silently fails after 40 s."""


def timed_out(method: str, path: str, text: str = "") -> HubError:
    text = text or "no answer in time"
    return HubError(TRANSPORT, "Timeout", text, method=method, path=path)


@contextmanager
def named(method: str, path: str) -> Iterator[None]:
    """Converts aiohttp's errors to HubErrors that name the request."""
    try:
        yield
    except TimeoutError as error:
        raise timed_out(method, path, str(error)) from error
    except aiohttp.ClientConnectorCertificateError as error:
        words = _untrusted(error)
        raise HubError(TRANSPORT, CERTIFICATE, words, method=method, path=path) from error
    except (aiohttp.ClientError, OSError) as error:
        text = _unconnected(error) or str(error) or type(error).__name__
        raise HubError(TRANSPORT, "ConnectionFailed", text, method=method, path=path) from error


def _untrusted(error: aiohttp.ClientConnectorCertificateError) -> str:
    """Returns the error in words: aiohttp's name a line of OpenSSL's source."""
    why = getattr(error.certificate_error, "verify_message", "") or "no reason is given"
    return (
        f"the certificate of {error.host}:{error.port} is not trusted ({why}); "
        "certificate-authority-data of the kubeconfig must be of the CA that signed it"
    )


def _unconnected(error: Exception) -> str:
    """Returns the error in words, without OpenSSL's or the event loop's; empty if it is another
    error."""
    if not isinstance(error, aiohttp.ClientConnectorError):
        return ""
    place = f"{error.host}:{error.port}"
    if isinstance(error, aiohttp.ClientConnectorSSLError):
        return f"{place} does not speak TLS as it should; is it http://, or another port?"
    cause = error.os_error
    code = cause.errno or 0
    why = os.strerror(code) if code > 0 else cause.strerror or str(cause)
    return f"can't connect to {place}: {why}"


async def read_answer(response: aiohttp.ClientResponse, method: str, path: str) -> bytes:
    """Returns the body. Raises HubError if the status is no success."""
    body = await response.read()
    if response.status < 300:
        return body
    raise read_error(
        response.status,
        response.reason or "",
        body,
        response.headers.get("Retry-After"),
        method=method,
        path=path,
    )


def session_for(endpoint: Endpoint) -> aiohttp.ClientSession:
    """Returns a session with the hub. Raises HubError for a certificate that can't be used."""
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=CONNECTIONS, ssl=_trust(endpoint)),
        trust_env=False,
        read_bufsize=READ_BUFFER,
        cookie_jar=aiohttp.DummyCookieJar(),
        # The hub is near: compression would cost its CPU and ours more than it saves.
        headers={
            "Accept": "application/json",
            "Accept-Encoding": "identity",
            "User-Agent": f"ibgu/{version('ibgu')}",
        },
    )


def _trust(endpoint: Endpoint) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cadata=endpoint.ca or None)
        if endpoint.certificate is not None:
            _present(context, endpoint.certificate)
    except (ssl.SSLError, ValueError) as error:
        why = f"a certificate for {endpoint.url} can't be used: {error}"
        raise HubError(TRANSPORT, "NoConfiguration", why) from error
    # Cluster CAs often lack the key identifiers that Python 3.13 began to insist on; client-go
    # does not, so a kubeconfig that works with kubectl must work here.
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    if not endpoint.verified:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def _present(context: ssl.SSLContext, certificate: ClientCertificate) -> None:
    """Gives the context our client certificate, by a file of our own, since OpenSSL takes no
    other."""
    with TemporaryDirectory(prefix="ibgu-") as folder:
        path = Path(folder) / "client.pem"
        path.write_bytes(certificate.certificate.rstrip() + b"\n" + certificate.key)
        context.load_cert_chain(path)


def hang_up(response: aiohttp.ClientResponse) -> None:
    """Ends a stream at once; a TLS goodbye would continue after the session and its loop are
    closed."""
    if response.connection is not None and response.connection.transport is not None:
        response.connection.transport.abort()
    response.close()


def keep_alive(response: aiohttp.ClientResponse) -> None:
    transport = response.connection.transport if response.connection else None
    raw = transport.get_extra_info("socket") if transport else None
    if raw is None or raw.family not in (socket.AF_INET, socket.AF_INET6):
        return
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for option, value in KEEPALIVE.items():
        if hasattr(socket, option):
            raw.setsockopt(socket.IPPROTO_TCP, getattr(socket, option), value)


class ReadTimeout:
    """ReadTimeout makes `timer`, which is entered next, expire when nothing was heard for so many
    seconds. One timer serves a whole stream: a timer for each of its chunks costs as much as to
    read it."""

    def __init__(self, timer: asyncio.Timeout, seconds: float) -> None:
        self._loop = asyncio.get_running_loop()
        self._timer = timer
        self._seconds = seconds
        self._heard = self._loop.time()
        self._handle = self._loop.call_later(seconds, self._check_silence)

    def broken(self) -> None:
        self._heard = self._loop.time()

    def end(self) -> None:
        self._handle.cancel()

    def _check_silence(self, again: bool = False) -> None:
        left = self._heard + self._seconds - self._loop.time()
        if left > 0:
            self._handle = self._loop.call_later(left, self._check_silence)
        elif not again:
            # A process that was suspended so long finds what has arrived meanwhile: it reads that
            # first.
            self._handle = self._loop.call_later(LISTEN, self._check_silence, True)
        elif not self._timer.expired():
            self._timer.reschedule(self._loop.time())


async def lines(
    content: aiohttp.StreamReader, path: str, heard: Callable[[], None]
) -> AsyncIterator[bytes]:
    # readline() has a length limit and costs an await per line; a chunk holds many lines.
    rest: list[bytes] = []
    while True:
        with named("WATCH", path):
            chunk = await content.readany()
        heard()
        if not chunk:
            return
        first, *others = chunk.split(b"\n")
        rest.append(first)
        if not others:
            continue
        yield b"".join(rest)
        for line in others[:-1]:
            yield line
        rest = [others[-1]]
