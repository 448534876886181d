"""Where the hub is, and by what it proves itself and we do."""

from msgspec import Struct


class ClientCertificate(Struct, frozen=True):
    """ClientCertificate holds a certificate and its key as PEM."""

    certificate: bytes
    key: bytes


class Endpoint(Struct, frozen=True):
    """Endpoint is the API server of a hub."""

    url: str
    """Without a slash at its end."""
    ca: str = ""
    """The certificates that are trusted, as PEM; empty: those of the system."""
    verified: bool = True
    """Whether the server has to prove itself."""
    server_name: str = ""
    """The name that its certificate must have; empty: that of the URL."""
    proxy: str = ""
    certificate: ClientCertificate | None = None
