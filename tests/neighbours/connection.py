"""Blocking requests to a managed cluster's API server, over one connection that is kept."""

import http.client
import json
import ssl
import time
from urllib.parse import urlsplit

from ibgu.core.model.kinds import JsonObject
from ibgu.hub.paths import JSON
from ibgu.sandbox.hub import SandboxHub
from ibgu.sim.spoke import Refusal

_TIMEOUT = 30.0  # seconds a request
_IDLE = 30.0
"""Seconds after which a connection is not used again: API servers close those that nobody uses."""


class Connection:
    """The connection of an administrator: the player of the Lifecycle Agent is synchronous, as the
    model of it, and its few requests take milliseconds."""

    def __init__(self, hub: SandboxHub) -> None:
        self._headers = {"Authorization": f"Bearer {hub.token('admin')}"}
        self._used = time.monotonic()
        self._wire = http.client.HTTPSConnection(
            str(urlsplit(hub.url).netloc),
            timeout=_TIMEOUT,
            context=ssl.create_default_context(cafile=str(hub.ca_file)),
        )

    def request(
        self, method: str, path: str, body: object = None, content_type: str = JSON
    ) -> JsonObject:
        """Returns the answer. Raises Refusal with the API server's reason and message."""
        if time.monotonic() - self._used > _IDLE:
            self._wire.close()  # the request opens it again
        sent = None if body is None else json.dumps(body)
        headers = self._headers | ({"Content-Type": content_type} if sent else {})
        self._wire.request(method, path, sent, headers)
        response = self._wire.getresponse()
        data = response.read()
        self._used = time.monotonic()
        if response.status == 404 and not data.startswith(b"{"):
            raise Refusal("NotFound", f"nothing serves {path}")
        answer: JsonObject = json.loads(data)
        if response.status >= 300:
            raise Refusal(str(answer.get("reason", "")), str(answer.get("message", "")))
        return answer

    def found(self, path: str) -> JsonObject | None:
        """Returns the object; None if there is none, or nothing of its kind is served."""
        try:
            return self.request("GET", path)
        except Refusal as refusal:
            if refusal.reason != "NotFound":
                raise
            return None

    def serves(self, path: str) -> bool:
        try:
            return self.found(path) is not None
        except Refusal:
            return False

    def remove(self, path: str) -> None:
        """Deletes the object, or the collection, if it is there."""
        try:
            self.request("DELETE", path)
        except Refusal as refusal:
            if refusal.reason != "NotFound":
                raise

    def close(self) -> None:
        self._wire.close()
