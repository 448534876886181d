"""A person who installs ibgu by the documentation: a laptop, and a Postgres of the operator's."""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from msgspec import Struct

from ibgu.sandbox.certificates import write_serving_files
from ibgu.sandbox.hub import SandboxHub
from ibgu.sandbox.servers import free_port
from ibgu.sandbox.waiting import wait_until
from tests.charts.debian_postgres import binaries, server_user
from tests.docs.site import DOCS, fences
from tests.release.test_cli import PYTHON
from tests.tools.binaries import tools


def block(text: str, page: str = "installation.md") -> str:
    """Returns the page's only block that has the text."""
    [found] = [each.text for each in fences(DOCS / page) if text in each.text]
    return found


class Installer(Struct, frozen=True):
    """The one who installs: a shell on a laptop with kubectl, helm and a Python, a kubeconfig, and
    in the end ibgu's commands."""

    folder: Path
    environment: dict[str, str]

    def types(self, commands: str) -> str:
        done = self.tries(commands)
        assert done.returncode == 0, (commands, done.stdout, done.stderr)
        return done.stdout

    def tries(self, commands: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["bash", "-e", "-c", commands],
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
        )


@contextmanager
def postgres() -> Iterator[tuple[Path, int, Path]]:
    """The operator's server, with a certificate of a private authority: its socket's folder, its
    port and the authority's certificate."""
    folder, port = Path(tempfile.mkdtemp(prefix="ibgu-guide-")), free_port()
    serving = write_serving_files(folder)
    for each in (folder, *folder.iterdir()):
        os.chown(each, -1 if (user := server_user()) is None else user, -1)
    access = ("--auth-local=trust", "--auth-host=scram-sha-256", "--username=postgres", "--no-sync")
    initdb: list[str | Path] = [binaries() / "initdb", "-D", folder / "data", *access]
    subprocess.run(initdb, user=server_user(), cwd=folder, check=True, capture_output=True)
    files = (f"ssl_cert_file={serving.certificate}", f"ssl_key_file={serving.key}")
    options = [word for each in ("ssl=on", *files, "fsync=off") for word in ("-c", each)]
    server = subprocess.Popen(
        [binaries() / "postgres", "-D", folder / "data", f"-p{port}", f"-k{folder}", *options],
        user=server_user(),
        cwd=folder,
        stderr=subprocess.DEVNULL,
    )
    try:
        ready: list[str | Path] = [binaries() / "pg_isready", "-q", f"-h{folder}", f"-p{port}"]
        wait_until(lambda: subprocess.run(ready).returncode == 0, "Postgres", lambda: None)
        yield folder, port, folder / "ca.crt"
    finally:
        server.terminate()
        server.wait()
        shutil.rmtree(folder)


def types_sql(socket: Path, port: int) -> None:
    stops: list[str | Path] = [binaries() / "psql", "-v", "ON_ERROR_STOP=1"]
    psql = [*stops, f"-h{socket}", f"-p{port}"]
    subprocess.run([*psql, "-U", "postgres"], input=block("CREATE DATABASE"), text=True, check=True)


def environment(hub: SandboxHub, folder: Path) -> dict[str, str]:
    local = folder / ".local" / "bin"
    (folder / "bin").mkdir()
    (folder / "bin" / "python3").symlink_to(Path(sys.base_prefix, "bin", f"python{PYTHON}"))
    mine = (str(local), str(folder / "bin"))
    programs = (*mine, str(hub.kubectl.parent), str(tools().helm.parent), os.environ["PATH"])
    homes = {f"HELM_{name}_HOME": str(folder / "helm") for name in ("CONFIG", "CACHE", "DATA")}
    kubeconfig = {"KUBECONFIG": str(hub.kubeconfig("admin")), "HOME": str(folder)}
    return {"PATH": ":".join(programs), **homes, **kubeconfig}
