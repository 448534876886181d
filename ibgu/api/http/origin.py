"""Admits changes only from ibgu's own page, or from no page at all.

A browser adds a user's cookies to whatever any page makes it send, and behind an OAuth proxy a
cookie is enough. So a form, which needs no consent, must not be enough.
"""

from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from ibgu.api.http.body_limit import brings_body
from ibgu.api.problems import Problem

JSON = "application/json"
"""A page of another origin can't send it without permission (CORS), which ibgu never grants."""
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
_OF_FORMS = frozenset({"POST"})
"""A form can send no other method that changes something, and a script of another origin needs
permission for each of them."""
_OWN_SITE = frozenset({"same-origin", "none"})
"""Accepted values of Sec-Fetch-Site, which no script can set. "none": the user, not a page."""
_PORTS = {"http": 80, "https": 443}
_MAX_LENGTH = 200
"""The most characters of an Origin that an answer quotes."""

Place = tuple[str, str, int | None]
"""Scheme, host and port."""


class SameOrigin:
    """SameOrigin is middleware that refuses changes by pages of other origins, before the token is
    checked."""

    def __init__(self, app: ASGIApp, *, behind_proxy: bool) -> None:
        """`behind_proxy`: X-Forwarded-Proto and -Host name what the browser requested."""
        self._app = app
        self._behind_proxy = behind_proxy

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["method"] not in _SAFE:
            request = Request(scope)
            problem = _foreign(request, behind_proxy=self._behind_proxy) or _not_json(request)
            if problem is not None:
                await problem.response(scope["path"])(scope, receive, send)
                return
        await self._app(scope, receive, send)


def _page(origin: str | None) -> str:
    """Returns the page that asks; browsers say `null` for one that has no origin."""
    if origin == "null":
        return "a page without an origin"
    return f"a page of {(origin or 'another site')[:_MAX_LENGTH]}"


def _foreign(request: Request, *, behind_proxy: bool) -> Problem | None:
    origin = request.headers.get("Origin")
    site = request.headers.get("Sec-Fetch-Site", "none")
    own = _own(request, behind_proxy=behind_proxy)
    if site in _OWN_SITE and (origin is None or _same(origin, own)):
        return None
    words = (
        f"{_page(origin)} requested this change, but ibgu is at {own}: make the change "
        "on ibgu's own page"
    )
    if not behind_proxy:
        words += "; if a proxy is in front of ibgu, set IBGU_BEHIND_PROXY=true"
    return Problem(403, "cross-origin", words)


def _own(request: Request, *, behind_proxy: bool) -> str:
    """Returns the origin of ibgu's page, as the browser sees it."""
    scheme, host = request.url.scheme, request.headers.get("Host", "")
    if behind_proxy:
        scheme = _forwarded(request, "X-Forwarded-Proto") or scheme
        host = _forwarded(request, "X-Forwarded-Host") or host
    return f"{scheme}://{host}"


def _forwarded(request: Request, name: str) -> str:
    """Returns the header's first value, which is from the proxy nearest to the browser."""
    return request.headers.get(name, "").partition(",")[0].strip()


def _same(origin: str, own: str) -> bool:
    place = _place(origin)
    return place is not None and place == _place(own)


def _place(origin: str) -> Place | None:
    """Returns the origin's parts; None if it is no origin, such as that of a sandboxed page
    ("null")."""
    try:
        parts = urlsplit(origin)
        port = parts.port
    except ValueError:
        return None
    if not parts.hostname:
        return None
    return parts.scheme, parts.hostname, port or _PORTS.get(parts.scheme)


def _not_json(request: Request) -> Problem | None:
    kinds = request.headers.getlist("Content-Type")
    if not kinds and request.method not in _OF_FORMS and not brings_body(request):
        return None
    if [kind.partition(";")[0].strip().lower() for kind in kinds] == [JSON]:
        return None
    words = f"requests that change something need the header Content-Type: {JSON}, "
    return Problem(415, "not-json", words + "even without a body")
