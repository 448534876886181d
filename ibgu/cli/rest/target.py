"""Determines server, token and namespace from options, environment and kubeconfig."""

from ipaddress import ip_address
from urllib.parse import urlsplit

from msgspec import Struct

from ibgu.cli.rest.kubeconfig import current, token_of
from ibgu.cli.rest.logins import Login, load
from ibgu.client import Client, RestError
from ibgu.client.wire import TIMEOUT

LOCAL_URL = "http://127.0.0.1:8080"


class RestTarget(Struct, frozen=True):
    """RestTarget holds the options as given; empty means: not given."""

    server: str
    token: str = ""
    ca_file: str = ""
    namespace: str = ""
    seconds: float = TIMEOUT
    """Seconds to wait for a response."""

    def client(self) -> Client:
        """Returns the client. Raises RestError."""
        where = self._where()
        token = self.token or self._kubeconfig_token(where.server)
        return Client(where.server, token, where.ca_file or None, seconds=self.seconds)

    def secrets(self) -> list[str]:
        """Returns what must not be shown: the token that is used. Raises RestError."""
        return [self.token or self._kubeconfig_token(self._where().server)]

    def in_namespace(self) -> str:
        """Returns the namespace, chosen as kubectl does. Raises RestError."""
        return self.namespace or current().namespace or "default"

    def _where(self) -> Login:
        """Returns the given server, else that of `ibgu login`, else this machine."""
        if self.server:
            return Login(self.server, self.ca_file)
        here = current()
        found = load(here.context, here.hub) or Login(LOCAL_URL)
        return Login(found.server, self.ca_file or found.ca_file)

    def _kubeconfig_token(self, server: str) -> str:
        """Returns the kubeconfig's token, which must not go over the network unencrypted without
        being asked for."""
        parts = urlsplit(server)
        if parts.scheme == "http" and not _loopback(parts.hostname or ""):
            raise RestError(
                f"the token of your kubeconfig is not sent to {server} without TLS; "
                "use https://, or name a token with --token or IBGU_TOKEN"
            )
        return token_of(current())


def _loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")
