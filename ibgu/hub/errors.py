"""Defines how a request to the hub can fail."""

from msgspec import DecodeError, Struct
from msgspec.json import Decoder

from ibgu.core.text.cut import cut
from ibgu.hub.lenient import decode

TRANSPORT = 0
"""The status of an error without an HTTP response: its outcome on the server is unknown."""

PATCH_REJECTED = "the server rejected our request due to an error in our request"
"""All that the API server says (422) of a JSON patch that can't be applied."""

CERTIFICATE = "CertificateRefused"
"""The reason of an error without a response: the server, or a proxy in its place, is not
trusted."""

PERMANENT = (
    "field not declared in schema",
    "etcdserver: request is too large",
    "trying to send message larger than max",
)
"""Server errors (5xx) that never heal, because they are the request's. Above 3 MiB the API server
itself responds with 413; a smaller request that is still too large goes on to etcd."""


class HubError(Exception):
    """HubError is a refused, failed or unanswered request; `str()` names the request and the
    server's message."""

    def __init__(
        self,
        status: int,
        reason: str,
        message: str,
        retry_after: float | None = None,
        *,
        method: str = "",
        path: str = "",
    ) -> None:
        super().__init__(status, reason, message)
        self.status = status
        self.reason = reason
        self.message = message
        self.retry_after = retry_after
        self.method = method
        self.path = path

    def __str__(self) -> str:
        request = f"{self.method} {self.path}: " if self.path else ""
        status = f"{self.status} " if self.status else ""
        return f"{request}{status}{self.reason}: {self.message}"

    @property
    def conflict(self) -> bool:
        """Whether the object is not as the request assumes: 409, `already_exists` included, or a
        JSON patch that does not fit it, usually because a `test` failed."""
        return self.status == 409 or (self.status == 422 and self.message == PATCH_REJECTED)

    @property
    def already_exists(self) -> bool:
        return self.status == 409 and self.reason == "AlreadyExists"

    @property
    def not_found(self) -> bool:
        return self.status == 404

    @property
    def unauthorized(self) -> bool:
        return self.status == 401

    @property
    def terminating(self) -> bool:
        """Whether the namespace is being deleted, so that nothing is created there (403)."""
        return self.status == 403 and "because it is being terminated" in self.message

    @property
    def gone(self) -> bool:
        """Whether the resourceVersion or continue token is older than the server remembers
        (410)."""
        return self.status == 410

    @property
    def transient(self) -> bool:
        """Whether the same request may succeed later."""
        if any(text in self.message for text in PERMANENT):
            return False
        return self.status in (TRANSPORT, 429) or self.status >= 500


class _Details(Struct, rename="camel"):
    retry_after_seconds: float = 0


class Status(Struct, rename="camel"):
    """Status is metav1.Status, as the body of an HTTP error and as the object of a watch's ERROR
    event."""

    code: int = 0
    reason: str = ""
    message: str = ""
    details: _Details | None = None

    def error(self, *, method: str = "", path: str = "") -> HubError:
        wait = self.details.retry_after_seconds if self.details else 0
        return HubError(
            self.code, self.reason, self.message, wait or None, method=method, path=path
        )


_status = Decoder(Status)


def read_error(
    status: int, phrase: str, body: bytes, retry_after: str | None, *, method: str, path: str
) -> HubError:
    """Returns the error behind an HTTP response; a body that is no metav1.Status is quoted."""
    try:
        said = decode(_status, body)
    except DecodeError:
        said = Status()
    error = said.error(method=method, path=path)
    error.status = status
    error.reason = said.reason or phrase
    error.message = cut(said.message) or body[:500].decode(errors="replace").strip() or "no details"
    if retry_after is not None and retry_after.isdigit():
        error.retry_after = float(retry_after)
    return error


class LeaderStuck(Exception):
    """LeaderStuck: the leader's task did not stop; the process must exit so that another can
    lead."""
