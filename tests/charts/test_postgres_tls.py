"""The bundled Postgres as the chart sets it up, on a real server: by TLS, or not at all."""

import os
import shutil
import socket
import ssl
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from msgspec import Struct
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from ibgu.db import engine
from ibgu.sandbox.servers import free_port
from ibgu.sandbox.waiting import wait_until
from tests.charts.debian_postgres import binaries, server_user
from tests.charts.rendering import CASES, Object, render
from tests.charts.test_templates import only, pod_specs

HOST = "ibgu-postgres"
CA = "/etc/ibgu-postgres/ca.crt"


class Server(Struct, frozen=True):
    url: str
    """That of the chart's Secret, with this one's port and the CA where it is here."""
    ca: Path


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    programs, objects = binaries(), render(CASES["bundled"])
    secret = only(objects, "Secret")["stringData"]
    # Not pytest's own folder: Postgres runs as nobody, who can't enter that.
    folder, port = Path(tempfile.mkdtemp(prefix="ibgu-tls-")), free_port()
    _fill(folder, secret | only(objects, "ConfigMap", HOST)["data"])
    arguments = [f"-p{port}", f"-k{folder}", *_arguments(objects, folder)]
    server = subprocess.Popen(
        [programs / "postgres", "-D", folder / "data", *arguments],
        user=server_user(),
        cwd=folder,
        stderr=subprocess.DEVNULL,
    )
    try:
        ready: list[str | Path] = [programs / "pg_isready", "-q", "-h127.0.0.1", f"-p{port}"]
        wait_until(lambda: subprocess.run(ready).returncode == 0, "Postgres", lambda: None)
        url = secret["url"].replace(":5432/ibgu", f":{port}/postgres")
        yield Server(url.replace(CA, str(folder / "ca.crt")), folder / "ca.crt")
    finally:
        server.terminate()
        server.wait()
        shutil.rmtree(folder)


def _fill(folder: Path, files: Mapping[str, str]) -> None:
    """Fills the folder with the files that the container has, and the database that its image
    makes."""
    for name, content in files.items():
        (folder / name).write_text(content)
    for each in (folder, *folder.iterdir()):
        each.chmod(0o700 if each.is_dir() else 0o600)
        os.chown(each, -1 if (user := server_user()) is None else user, -1)
    access = ["--auth=scram-sha-256", f"--pwfile={folder / 'password'}", "--username=ibgu"]
    initdb: list[str | Path] = [
        binaries() / "initdb",
        "-D",
        folder / "data",
        *access,
        "--no-sync",
    ]
    subprocess.run(initdb, user=server_user(), cwd=folder, check=True, capture_output=True)


def _arguments(objects: list[Object], folder: Path) -> list[str]:
    """Returns the arguments of the chart's container, with what it mounts where it is here."""
    container = pod_specs(objects)["StatefulSet/ibgu-postgres"]["containers"][0]
    mounts = [each["mountPath"] for each in container["volumeMounts"] if each.get("readOnly")]
    arguments: list[str] = container["args"]
    for mount in mounts:
        arguments = [each.replace(mount, str(folder)) for each in arguments]
    return arguments


@pytest.fixture(autouse=True)
def names(monkeypatch: pytest.MonkeyPatch) -> None:
    """The Service's name leads to this machine."""
    found = socket.getaddrinfo

    def getaddrinfo(host: Any, *more: Any, **options: Any) -> Any:
        return found("127.0.0.1" if host == HOST else host, *more, **options)

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)


async def encrypted(url: str) -> bool:
    """Asked with ibgu's own engine."""
    pool = engine(url)
    try:
        async with pool.connect() as db:
            asked = "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()"
            return bool((await db.execute(text(asked))).scalar_one())
    finally:
        await pool.dispose()


async def test_the_charts_url_connects_by_tls_and_verifies_the_server(server: Server) -> None:
    assert await encrypted(server.url)


async def test_a_url_without_the_certificates_finds_those_of_the_chart(
    server: Server, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The guide's URL, in a pod: nobody's home has certificates."""
    url = server.url.partition("&sslrootcert")[0]
    monkeypatch.setenv("HOME", str(tmp_path))
    with pytest.raises(DBAPIError, match=r"root.crt.*does not exist"):
        await encrypted(url)
    monkeypatch.setenv("PGSSLROOTCERT", str(server.ca))
    assert await encrypted(url)


@pytest.mark.parametrize("mode", ["disable", "prefer"])
async def test_nobody_connects_in_plain_text(server: Server, mode: str) -> None:
    """Even with the password; who would take either gets TLS."""
    url = server.url.partition("?")[0] + f"?sslmode={mode}"
    if mode == "prefer":
        assert await encrypted(url)
        return
    with pytest.raises(DBAPIError, match="no encryption"):
        await encrypted(url)


async def test_another_server_is_not_believed(server: Server, tmp_path: Path) -> None:
    """One with a certificate of its own, or with ours under another name."""
    other = render({"bundledPostgres": {"enabled": True, "size": "6Gi"}})
    (tmp_path / "ca.crt").write_text(only(other, "Secret")["stringData"]["ca.crt"])
    with pytest.raises(ssl.SSLCertVerificationError, match="certificate verify failed"):
        await encrypted(server.url.replace(str(server.ca), str(tmp_path / "ca.crt")))
    with pytest.raises(ssl.SSLCertVerificationError, match="not valid for 'localhost'"):
        await encrypted(server.url.replace(f"@{HOST}:", "@localhost:"))


def test_strict_clients_take_the_certificate(server: Server) -> None:
    """Python is strict by default since 3.13, which the image has."""
    strict = ssl.create_default_context(cafile=str(server.ca))
    strict.verify_flags |= ssl.VERIFY_X509_STRICT
    port = int(server.url.rpartition(":")[2].partition("/")[0])
    with socket.create_connection((HOST, port)) as plain:
        plain.sendall(b"\x00\x00\x00\x08\x04\xd2\x16\x2f")  # SSLRequest
        assert plain.recv(1) == b"S"
        with strict.wrap_socket(plain, server_hostname=HOST) as secured:
            assert secured.version() in ("TLSv1.2", "TLSv1.3")
