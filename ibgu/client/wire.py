"""Makes requests: HTTP from the standard library, JSON by msgspec."""

import http.client
import ssl
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import GenericAlias
from typing import TypeVar, cast
from urllib.parse import quote, urlencode, urlsplit

import msgspec

from ibgu.client.base import Response
from ibgu.client.harmless import harmless

T = TypeVar("T")

TIMEOUT = 30.0
"""Seconds for a response, or between two lines of a stream, which sends one every 15 seconds."""
PAGE = 500
STREAM = "text/event-stream"
USER_AGENT = "ibgu-cli"
"""The REST API distinguishes the commands' changes from other programs' by this."""


class BadInput(Response, frozen=True, kw_only=True):
    field: str
    """The API's name for it: `clusters.0`."""
    message: str


class RestError(Exception):
    """RestError is a failed request; the text is for a person. `status` is 0 if no response
    came."""

    def __init__(
        self, message: str, status: int = 0, code: str = "", inputs: Sequence[BadInput] = ()
    ) -> None:
        """`code` is what the problem's `type` ends with, as in docs/rest.md; `inputs` are those
        that can't be used."""
        super().__init__(message)
        self.status = status
        self.code = code
        self.inputs = inputs


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """_NoRedirects refuses redirects, which would carry the token to another server."""

    def redirect_request(self, *_: object) -> None:
        return None


class _Page(Response, frozen=True, kw_only=True):
    items: msgspec.Raw
    next_cursor: str | None = None


class _Problem(Response, frozen=True, kw_only=True):
    detail: str
    type: str = ""
    errors: tuple[BadInput, ...] = ()


class Wire:
    def __init__(
        self, server: str, token: str, ca_file: str | None = None, *, seconds: float = TIMEOUT
    ) -> None:
        """Connects to `server` as http://host:port or https://host. Raises RestError if it is
        neither, and for a token that no header can carry."""
        self._seconds = seconds
        self._server = server.rstrip("/")
        _check_address(server)
        if not (token.isascii() and token.isprintable()) or " " in token:
            raise RestError(
                "the token can't be sent: it has spaces or line ends in it, or letters "
                "that no token has (--token, IBGU_TOKEN, or your kubeconfig)"
            )
        self._headers = {"Authorization": f"Bearer {token}", "User-Agent": USER_AGENT}
        self._opener = urllib.request.build_opener(_NoRedirects, _https(ca_file))

    def get(self, answer: type[T], *path: str, **query: object) -> T:
        """Returns the body of `/api/v1/<path>`. Raises RestError."""
        with self._opened("GET", self._url(path, query)) as response:
            return self._decoded(harmless(response.read()), answer)

    def post(self, answer: type[T], *path: str, body: object = None, **query: object) -> T:
        """Posts to `/api/v1/<path>` and returns the body. Raises RestError."""
        with self._opened("POST", self._url(path, query), body) as response:
            return self._decoded(harmless(response.read()), answer)

    def pages(self, item: type[T], *path: str, **query: object) -> Iterator[T]:
        """Yields all items, page by page. Raises RestError."""
        cursor: str | None = None
        while True:
            page = self.get(_Page, *path, limit=PAGE, cursor=cursor, **query)
            yield from self._decoded(page.items, cast(type[list[T]], GenericAlias(list, (item,))))
            cursor = page.next_cursor
            if cursor is None:
                return

    def lines(self, *path: str, **query: object) -> Iterator[str]:
        """Yields the lines of a stream until it ends. Raises RestError."""
        with self._opened("GET", self._url(path, query), accept=STREAM) as response:
            for line in response:
                yield harmless(line).decode().rstrip("\r\n")

    def _url(self, path: tuple[str, ...], query: dict[str, object]) -> str:
        """Returns the URL, without query parameters that are None."""
        parts = "/".join(quote(part, safe="") for part in path)
        parameters = {name: _worded(value) for name, value in query.items() if value is not None}
        query_string = f"?{urlencode(parameters, doseq=True)}" if parameters else ""
        return f"{self._server}/api/v1/{parts}{query_string}"

    @contextmanager
    def _opened(
        self, method: str, url: str, body: object = None, accept: str = "application/json"
    ) -> Iterator[http.client.HTTPResponse]:
        headers = self._headers | {"Accept": accept}
        data = None
        if method != "GET":
            headers["Content-Type"] = "application/json"
            data = msgspec.json.encode({} if body is None else body)
        request = urllib.request.Request(url, data=data, method=method, headers=headers)
        try:
            with self._opener.open(request, timeout=self._seconds) as response:
                yield response
        except urllib.error.HTTPError as error:
            with error:
                raise self._refused(error) from error
        except (OSError, http.client.HTTPException) as error:
            raise self._unreachable(error) from error

    def _decoded(self, body: bytes | msgspec.Raw, answer: type[T]) -> T:
        try:
            return msgspec.json.decode(body, type=answer)
        except msgspec.ValidationError as error:
            raise RestError(
                f"{self._server} answers otherwise than this version of ibgu expects ({error}): "
                "is it ibgu, and not a much older or newer one?"
            ) from error
        except msgspec.DecodeError as error:
            raise RestError(f"{self._server} does not answer in JSON: is it ibgu?") from error

    def _refused(self, error: urllib.error.HTTPError) -> RestError:
        if error.code in _REDIRECTS:
            location = urlsplit(error.headers.get("Location", ""))
            return RestError(
                f"{self._server} redirects to {location.scheme}://{location.netloc}: either the "
                "page is there, or a proxy wants you to sign in, as the hub does not accept this "
                "token" + _ADVICE[401],
                error.code,
            )
        try:
            problem = msgspec.json.decode(harmless(error.read()), type=_Problem)
        except msgspec.DecodeError:
            words = f"{error.code} {error.reason} (is it ibgu that serves {self._server}?)"
            problem = _Problem(detail=words)
        advice = _ADVICE.get(error.code, "")
        code = problem.type.rpartition("/")[2]
        return RestError(problem.detail + advice, error.code, code, problem.errors)

    def _unreachable(self, error: Exception) -> RestError:
        reason = getattr(error, "reason", None) or error
        if isinstance(reason, ssl.SSLError):
            return RestError(f"can't trust {self._server}: {_of_tls(reason)}")
        words = getattr(reason, "strerror", None) or reason
        return RestError(
            f"can't reach {self._server}: {words}; ibgu login finds ibgu's REST API, --server or "
            "IBGU_SERVER names it"
        )


def _worded(value: object) -> object:
    """Returns the value as a query has it: `true`, where Python would say `True`."""
    return str(value).lower() if isinstance(value, bool) else value


def _check_address(server: str) -> None:
    """Checks the address without quoting what precedes an @, usually a password. Raises
    RestError."""
    if "@" in server:
        raise RestError(
            "the address of the server (--server, IBGU_SERVER) must have no user or password "
            "in it: --token or IBGU_TOKEN says who you are"
        )
    try:
        parts = urlsplit(server)
        usable = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:
        usable = False
    if not usable:
        raise RestError(f"{server!r} is no address of a server: it looks like https://host")


def _of_tls(error: ssl.SSLError) -> str:
    """Returns what is wrong in words; OpenSSL's name a line of its source."""
    if not isinstance(error, ssl.SSLCertVerificationError):
        return "it does not speak TLS as it should; is it http://, or another port?"
    if error.verify_code in _OTHER_NAME:
        return "its certificate is for another name; use the address that it was made for"
    if error.verify_code == _EXPIRED:
        return "its certificate has expired; its operator must renew it"
    return (
        "its certificate is signed by no authority that this machine trusts; --ca-file "
        "(IBGU_CA_FILE) names the certificates to trust it by, on OpenShift those of the "
        "ingress: oc get configmap default-ingress-cert -n openshift-config-managed "
        "-o jsonpath='{.data.ca-bundle\\.crt}'"
    )


_EXPIRED = 10
_OTHER_NAME = (62, 64)
"""OpenSSL's verify codes: of a host name, of an IP address."""

_REDIRECTS = range(300, 400)
_ADVICE = {401: " (--token, IBGU_TOKEN, or the current user of your kubeconfig; log in again)"}


def _https(ca_file: str | None) -> urllib.request.HTTPSHandler:
    try:
        return urllib.request.HTTPSHandler(context=ssl.create_default_context(cafile=ca_file))
    except OSError as error:
        raise RestError(f"can't read the certificates in {ca_file}: {error}") from error
