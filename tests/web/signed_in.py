"""A proxy as OpenShift's oauth-proxy is to ibgu: who has its cookie is passed on with a token.

Headers are those of its `Authenticate` (oauthproxy.go) with `--pass-access-token`, and of the
router before it; the sign-in with the OAuth server is left out.
"""

import base64
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
from aiohttp import web

COOKIE = "_oauth_proxy=sealed"
SIGN_IN = "/oauth/start"
_HOP_BY_HOP = {"connection", "keep-alive", "transfer-encoding", "content-length"}


class Proxy:
    def __init__(self, upstream: str, host: str, user: str, token: str) -> None:
        """`user` is signed in who sends the cookie."""
        self._upstream = upstream
        self._host = host
        self._user = user
        self._token = token
        self.url = ""
        self.changes: list[tuple[str, int]] = []
        """Path and status of each request that came with the cookie, but for reads."""

    @asynccontextmanager
    async def listening(self) -> AsyncIterator["Proxy"]:
        async with served(self._passed_on) as port:
            self.url = f"http://{self._host}:{port}"
            yield self

    async def _passed_on(self, request: web.Request) -> web.Response:
        if COOKIE not in request.headers.get("Cookie", ""):
            if request.path == SIGN_IN:
                return web.Response(text="Log in with OpenShift")
            raise web.HTTPFound(f"{self.url}{SIGN_IN}")  # --skip-provider-button
        url = f"{self._upstream}{request.path_qs}"
        async with (
            aiohttp.ClientSession(auto_decompress=False) as session,
            session.request(
                request.method, url, headers=self._headers(request), data=await request.read()
            ) as answer,
        ):
            body = await answer.read()
        if request.method != "GET":
            self.changes.append((request.path, answer.status))
        return web.Response(status=answer.status, headers=_kept(answer.headers), body=body)

    def _headers(self, request: web.Request) -> dict[str, str]:
        """The Host stays the browser's (`--pass-host-header`)."""
        basic = base64.b64encode(f"{self._user}:".encode()).decode()
        return _kept(request.headers) | {
            "Authorization": f"Basic {basic}",
            "X-Forwarded-Access-Token": self._token,
            "X-Forwarded-For": "127.0.0.1",
            "X-Forwarded-Host": request.host,
            "X-Forwarded-Proto": "http",
            "X-Forwarded-User": self._user,
        }


@asynccontextmanager
async def served(answer: Callable[[web.Request], Awaitable[Any]]) -> AsyncIterator[int]:
    """The port of 127.0.0.1 at which every request is so answered."""
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", answer)
    runner = web.AppRunner(app, shutdown_timeout=1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield runner.addresses[0][1]
    finally:
        await runner.cleanup()


def _kept(headers: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in headers.items() if name.lower() not in _HOP_BY_HOP}
