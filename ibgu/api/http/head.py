"""Answers HEAD as GET without the body, on every route for GET."""

from starlette.types import ASGIApp, Message, Receive, Scope, Send

_OF_ROUTE = ("route", "path_params")
"""What the router notes in the scope for metrics and traces."""


class Heads:
    """Heads asks the application for GET. Once the head is known it reports that the client has
    gone, which ends a stream of events."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "HEAD":
            await self._app(scope, receive, send)
            return
        # The server has to know that it was HEAD: the length is that of a body that never comes.
        got = {**scope, "method": "GET"}
        begun = False

        async def received() -> Message:
            return {"type": "http.disconnect"} if begun else await receive()

        async def without_body(message: Message) -> None:
            nonlocal begun
            if message["type"] == "http.response.start":
                begun = True
                scope.update({name: got[name] for name in _OF_ROUTE if name in got})
            else:
                message = {**message, "body": b""}
            await send(message)

        await self._app(got, received, without_body)
