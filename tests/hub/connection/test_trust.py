"""TLS: whom the hub trusts, and whom we trust."""

import json
import ssl
from base64 import b64encode
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from ibgu.hub.client import HubClient, HubError
from ibgu.sandbox.certificates import ServingFiles, write_serving_files
from ibgu.sandbox.servers import free_port

Json = dict[str, Any]


class Hub:
    """Says to each client who they are, by their certificate."""

    def __init__(self, port: int, files: ServingFiles, client: ServingFiles) -> None:
        self.port = port
        self.files = files
        self.client = client

    async def answer(self, request: web.Request) -> web.Response:
        transport = request.transport
        peer = transport.get_extra_info("peercert") if transport is not None else None
        return web.json_response({"proven": bool(peer)})

    async def ask(self, folder: Path, cluster: Json, user: Json) -> Any:
        """Asks with a kubeconfig of this cluster and user."""
        named = {"server": f"https://127.0.0.1:{self.port}", **cluster}
        content = {
            "current-context": "hub",
            "clusters": [{"name": "hub", "cluster": named}],
            "contexts": [{"name": "hub", "context": {"cluster": "hub", "user": "me"}}],
            "users": [{"name": "me", "user": user}],
        }
        path = folder / "config"
        path.write_text(json.dumps(content))
        async with await HubClient.connect(str(path)) as client:
            return json.loads(await client.request("GET", "/version"))

    @property
    def trusted(self) -> Json:
        return {"certificate-authority": str(self.files.ca)}

    @property
    def certificate(self) -> Json:
        named = {"client-certificate": self.client.certificate, "client-key": self.client.key}
        return {name: str(path) for name, path in named.items()}


def write_client_files(folder: Path) -> ServingFiles:
    """A certificate of a client, which is its own authority."""
    files = ServingFiles(folder / "client.crt", folder / "client.crt", folder / "client.key")
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "nora")])
    now = datetime.now(UTC)
    signed = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    files.certificate.write_bytes(signed.public_bytes(Encoding.PEM))
    files.key.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return files


@pytest.fixture
async def secure_hub(tmp_path: Path) -> AsyncIterator[Hub]:
    files, client = write_serving_files(tmp_path), write_client_files(tmp_path)
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=client.ca)
    tls.load_cert_chain(files.certificate, files.key)
    tls.verify_mode = ssl.CERT_OPTIONAL
    tls.verify_flags &= ~ssl.VERIFY_X509_STRICT
    hub = Hub(free_port(), files, client)
    app = web.Application()
    app.router.add_get("/version", hub.answer)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", hub.port, ssl_context=tls).start()
    yield hub
    await runner.cleanup()


def data(fields: Json) -> Json:
    """The same with the files' content in the kubeconfig."""
    return {
        f"{name}-data": b64encode(Path(path).read_bytes()).decode() for name, path in fields.items()
    }


async def test_a_user_is_proven_by_a_certificate(secure_hub: Hub, tmp_path: Path) -> None:
    found = await secure_hub.ask(tmp_path, secure_hub.trusted, secure_hub.certificate)
    assert found == {"proven": True}
    assert await secure_hub.ask(tmp_path, secure_hub.trusted, {}) == {"proven": False}


async def test_certificates_may_be_in_the_kubeconfig(secure_hub: Hub, tmp_path: Path) -> None:
    cluster, user = data(secure_hub.trusted), data(secure_hub.certificate)
    assert await secure_hub.ask(tmp_path, cluster, user) == {"proven": True}


async def test_a_bundle_may_have_comments_in_any_language(secure_hub: Hub, tmp_path: Path) -> None:
    bundle = tmp_path / "bundle.crt"
    bundle.write_bytes("# Autorité de certification\n".encode() + secure_hub.files.ca.read_bytes())
    cluster = {"certificate-authority": "bundle.crt"}
    assert await secure_hub.ask(tmp_path, cluster, {}) == {"proven": False}


async def test_a_plugin_may_give_a_certificate(secure_hub: Hub, tmp_path: Path) -> None:
    version = "client.authentication.k8s.io/v1"
    files = secure_hub.client
    status = {
        "clientCertificateData": files.certificate.read_text(),
        "clientKeyData": files.key.read_text(),
    }
    answer = {"apiVersion": version, "kind": "ExecCredential", "status": status}
    (tmp_path / "answer.json").write_text(json.dumps(answer))
    args = [str(tmp_path / "answer.json")]
    user = {"exec": {"apiVersion": version, "command": "cat", "args": args}}
    assert await secure_hub.ask(tmp_path, secure_hub.trusted, user) == {"proven": True}


async def test_a_server_of_another_authority_is_not_trusted(
    secure_hub: Hub, tmp_path: Path
) -> None:
    other = tmp_path / "other"
    other.mkdir()
    cluster = {"certificate-authority": str(write_serving_files(other).ca)}
    with pytest.raises(HubError, match="is not trusted"):
        await secure_hub.ask(tmp_path, cluster, {})
    unverified = {"insecure-skip-tls-verify": True}
    assert await secure_hub.ask(tmp_path, unverified, {}) == {"proven": False}


async def test_the_certificate_must_have_the_name_that_is_asked_for(
    secure_hub: Hub, tmp_path: Path
) -> None:
    named = secure_hub.trusted | {"tls-server-name": "localhost"}
    assert await secure_hub.ask(tmp_path, named, {}) == {"proven": False}
    with pytest.raises(HubError, match="is not trusted"):
        await secure_hub.ask(tmp_path, named | {"tls-server-name": "another"}, {})


async def test_an_authority_that_is_no_certificate_is_named(
    secure_hub: Hub, tmp_path: Path
) -> None:
    with pytest.raises(HubError, match=r"a certificate for https://.* can't be used"):
        await secure_hub.ask(tmp_path, {"certificate-authority-data": "YQ=="}, {})
