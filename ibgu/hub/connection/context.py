"""The hub and the user of a context in a kubeconfig."""

from base64 import b64decode, b64encode
from binascii import Error as InvalidBase64
from datetime import datetime, timedelta
from pathlib import Path
from typing import TypeVar

import msgspec
from msgspec import Struct, field

from ibgu.core.model.kinds import JsonObject
from ibgu.hub.connection.endpoint import ClientCertificate, Endpoint
from ibgu.hub.connection.exec_plugin import ExecPlugin, PluginFailed, ask
from ibgu.hub.connection.kubeconfig import InvalidKubeconfig, UsedContext

EARLY = timedelta(minutes=2)
"""How long before its expiry a token is renewed: more than passes between two looks."""
Part = TypeVar("Part", bound=Struct)


class _Cluster(Struct, frozen=True, rename="kebab"):
    server: str | None = None
    certificate_authority: str | None = None
    certificate_authority_data: str | None = None
    insecure_skip_tls_verify: bool | None = None
    tls_server_name: str | None = None
    proxy_url: str | None = None


class _User(Struct, frozen=True, rename="kebab"):
    token: str | None = None
    token_file: str | None = field(default=None, name="tokenFile")
    username: str | None = None
    password: str | None = None
    client_certificate: str | None = None
    client_certificate_data: str | None = None
    client_key: str | None = None
    client_key_data: str | None = None
    exec: ExecPlugin | None = None
    auth_provider: JsonObject | None = None


class Proof(Struct, frozen=True):
    """Proof is by what a user of a kubeconfig is known."""

    header: str | None = None
    """The Authorization header."""
    certificate: ClientCertificate | None = None
    expires: datetime | None = None
    from_file: bool = False
    """Whether a file has the token, which somebody else may renew."""

    def is_due(self, now: datetime) -> bool:
        """Returns whether it should be read again."""
        return self.from_file or (self.expires is not None and now >= self.expires - EARLY)


def endpoint_of(used: UsedContext) -> Endpoint:
    """Returns the hub, without a client certificate. Raises InvalidKubeconfig."""
    cluster = _part(used.cluster, _Cluster, "cluster")
    if not cluster.server:
        raise InvalidKubeconfig(f"the cluster of its context {used.name} has no server")
    data, path = cluster.certificate_authority_data, cluster.certificate_authority
    ca = _pem(data, path, used.cluster_folder, "certificate-authority")
    return Endpoint(
        cluster.server.rstrip("/"),
        # Bundles have comments in any language between the certificates.
        ca=ca.decode("ascii", errors="ignore"),
        verified=not cluster.insecure_skip_tls_verify,
        server_name=cluster.tls_server_name or "",
        proxy=cluster.proxy_url or "",
    )


async def prove(used: UsedContext) -> Proof:
    """Returns the user's proof, of a program if the kubeconfig names one. Raises
    InvalidKubeconfig."""
    user = _part(used.user, _User, "user")
    if user.exec is not None:
        return await _ask(user.exec, used)
    if user.auth_provider is not None:
        raise InvalidKubeconfig(
            "its user has an auth-provider, which is deprecated: name a program with exec instead, "
            "such as kubelogin for OpenID Connect"
        )
    certificate = _certificate(user, used.user_folder)
    if user.token:
        return Proof(f"Bearer {user.token}", certificate)
    if user.token_file:
        token = _read(used.user_folder / user.token_file, "tokenFile").decode(errors="replace")
        return Proof(f"Bearer {token.strip()}", certificate, from_file=True)
    if user.username is not None and user.password is not None:
        secret = b64encode(f"{user.username}:{user.password}".encode()).decode()
        return Proof(f"Basic {secret}", certificate)
    return Proof(certificate=certificate)


async def _ask(plugin: ExecPlugin, used: UsedContext) -> Proof:
    try:
        answer = await ask(plugin, used.cluster, used.user_folder)
    except PluginFailed as error:
        raise InvalidKubeconfig(
            f"the program that it names for the token failed: {error}"
        ) from error
    certificate = None
    if answer.client_certificate_data:
        chain, key = answer.client_certificate_data.encode(), answer.client_key_data.encode()
        certificate = ClientCertificate(chain, key)
    header = f"Bearer {answer.token}" if answer.token else None
    return Proof(header, certificate, answer.expiration_timestamp)


def _certificate(user: _User, folder: Path) -> ClientCertificate | None:
    names = "client-certificate", "client-key"
    chain = _pem(user.client_certificate_data, user.client_certificate, folder, names[0])
    key = _pem(user.client_key_data, user.client_key, folder, names[1])
    if bool(chain) != bool(key):
        raise InvalidKubeconfig(f"its user needs both {names[0]} and {names[1]}, and has one")
    return ClientCertificate(chain, key) if chain else None


def _pem(data: str | None, path: str | None, folder: Path, name: str) -> bytes:
    """Returns the content of a field that ends in -data, else of the file; empty if none is
    named."""
    if data:
        try:
            return b64decode(data, validate=True)
        except InvalidBase64 as error:
            raise InvalidKubeconfig(f"{name}-data is no base64") from error
    return _read(folder / path, name) if path else b""


def _read(path: Path, name: str) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        why = f"can't read {path}, which it names as {name}: {error.strerror}"
        raise InvalidKubeconfig(why) from error


def _part(content: JsonObject, kind: type[Part], name: str) -> Part:
    try:
        return msgspec.convert(content, kind)
    except msgspec.ValidationError as error:
        raise InvalidKubeconfig(f"its {name} is malformed: {error}") from error
