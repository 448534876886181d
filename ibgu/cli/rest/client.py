"""A small client of the REST API, from the standard library: a command must start quickly."""

import json
import ssl
import urllib.error
import urllib.request
from collections.abc import Iterator
from http.client import HTTPException, HTTPResponse
from typing import Any, cast
from urllib.parse import quote, urlencode, urlsplit

JsonObject = dict[str, Any]

TIMEOUT = 30.0
"""Seconds."""
PAGE = 500


class RestError(Exception):
    """A request that failed; the text is for a person."""

    def __init__(self, message: str, status: int = 0) -> None:
        super().__init__(message)
        self.status = status


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """A redirect would carry the token to somebody else."""

    def redirect_request(self, *_: object) -> None:
        return None


class Rest:
    def __init__(self, server: str, token: str, ca_file: str | None = None) -> None:
        """`server` as http://host:port or https://host. Raises RestError if it is neither."""
        self._server = server.rstrip("/")
        if urlsplit(server).scheme not in ("http", "https") or not urlsplit(server).hostname:
            raise RestError(f"{server!r} is no address of a server: it looks like https://host")
        self._headers = {"Authorization": f"Bearer {token}", "Accept": "application/json"}
        self._opener = urllib.request.build_opener(_NoRedirects, _https(ca_file))

    def get(self, *path: str, **query: object) -> JsonObject:
        """The body of `/api/v1/<path>`; None in the query is left out. Raises RestError."""
        given = {name: value for name, value in query.items() if value is not None}
        parts = "/".join(quote(part, safe="") for part in path)
        url = f"{self._server}/api/v1/{parts}" + (
            f"?{urlencode(given, doseq=True)}" if given else ""
        )
        request = urllib.request.Request(url, headers=self._headers)
        try:
            with self._opener.open(request, timeout=TIMEOUT) as response:
                return _decoded(response, self._server)
        except urllib.error.HTTPError as error:
            with error:
                raise self._refused(error) from error
        except (OSError, HTTPException) as error:
            raise self._unreachable(error) from error

    def pages(self, *path: str, **query: object) -> Iterator[JsonObject]:
        """All items, page after page."""
        cursor: str | None = None
        while True:
            page = self.get(*path, limit=PAGE, cursor=cursor, **query)
            yield from page["items"]
            cursor = page["nextCursor"]
            if cursor is None:
                return

    def _refused(self, error: urllib.error.HTTPError) -> RestError:
        try:
            detail = str(json.loads(error.read())["detail"])
        except (ValueError, KeyError, TypeError):
            detail = f"{error.code} {error.reason} (is it ibgu that serves {self._server}?)"
        advice = _ADVICE.get(error.code, "")
        return RestError(detail + advice, error.code)

    def _unreachable(self, error: Exception) -> RestError:
        reason = getattr(error, "reason", None) or error
        words = getattr(reason, "strerror", None) or reason
        return RestError(
            f"can't reach {self._server}: {words}; --server or IBGU_SERVER names the REST API"
        )


_ADVICE = {401: " (--token, IBGU_TOKEN, or the current user of your kubeconfig; log in again)"}


def _https(ca_file: str | None) -> urllib.request.HTTPSHandler:
    try:
        return urllib.request.HTTPSHandler(context=ssl.create_default_context(cafile=ca_file))
    except OSError as error:
        raise RestError(f"can't read the certificates in {ca_file}: {error}") from error


def _decoded(response: HTTPResponse, server: str) -> JsonObject:
    try:
        return cast(JsonObject, json.load(response))
    except ValueError as error:
        raise RestError(f"{server} does not answer in JSON: is it ibgu?") from error
