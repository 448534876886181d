"""A hub that can be thrown away: a real API server with OCM's and ibgu's API and ibgu's RBAC."""

import os
import shutil
import signal
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

from ibgu.sandbox import contents, servers, users
from ibgu.sandbox.binaries import HubBinaries, hub_binaries
from ibgu.sandbox.certificates import write_serving_files, write_signing_key
from ibgu.sandbox.errors import SandboxError
from ibgu.sandbox.keeper import Keeper
from ibgu.sandbox.lifecycle import Startable
from ibgu.sandbox.rest import SandboxRest
from ibgu.sandbox.waiting import wait_until

_TRIES = 3
_PORT_TAKEN = "address already in use"


class _Ports(NamedTuple):
    apiserver: int
    etcd: int
    etcd_peer: int


class SandboxHub(Startable):
    """etcd and kube-apiserver on loopback, up between `start` and `stop`, or in a `with`.

    Nothing outlives the process that started it: no server, port or folder, not even after
    kill -9. It must be stopped by the process that started it; any of its threads will do.
    """

    def __init__(
        self,
        *,
        audit_log: Path | None = None,
        namespaces: Iterable[str] = (),
        binaries: HubBinaries | None = None,
        environment: Mapping[str, str] = MappingProxyType({}),
        filled: bool = True,
        durable: bool = False,
    ) -> None:
        """`namespaces` are created before ibgu is installed; a default hub of Advanced Cluster
        Management has none of those that the manual puts ConfigMaps into.

        `audit_log`: a file for one JSON line a request, written when it has ended, and up to
        0.2 s later. `binaries`: None finds or builds them. `environment`: variables for the API
        server, as GOGC, beside those of this process. `filled`: else the hub has no CRDs, roles
        and namespaces of ibgu's or OCM's, as before anything was installed. `durable`: with fsync,
        priority and fairness, and the limits of requests in flight that a hub has by default.
        """
        self._durable = durable
        self._filled = filled
        self._audit_log = audit_log
        self._namespaces = tuple(namespaces)
        self._binaries = binaries
        self._environment = environment
        self._keeper: Keeper | None = None
        self._etcd = 0
        self._folder = Path()
        self._ports = _Ports(0, 0, 0)
        self._argv: dict[str, list[str]] = {}
        self._tokens = users.new_tokens()
        self._kubeconfigs: dict[str, Path] = {}

    # -- lifecycle -----------------------------------------------------------------------------

    def start(self) -> None:
        """Start both servers and fill the hub; on any failure nothing is left behind.

        A port that was free when it was chosen may be taken a moment later: others are tried.
        """
        for left in reversed(range(_TRIES)):
            try:
                self._start()
            except SandboxError as error:
                if not left or _PORT_TAKEN not in str(error):
                    raise
            else:
                return

    def _start(self) -> None:
        self._binaries = binaries = self._binaries or hub_binaries()
        self._folder = Path(tempfile.mkdtemp(prefix="ibgu-hub-"))
        self._keeper = Keeper(self._folder, remove_folder=True)
        try:
            self._prepare(binaries)
            self.start_etcd()
            self.start_apiserver()
            if self._filled:
                self._fill(binaries)
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """The API server first: without its etcd it would not end."""
        if self._keeper:
            self._keeper.close()
            self._keeper = None

    # -- what a caller needs -------------------------------------------------------------------

    @property
    def url(self) -> str:
        return f"https://127.0.0.1:{self._ports.apiserver}"

    @property
    def ca_file(self) -> Path:
        return self._folder / "ca.crt"

    @property
    def folder(self) -> Path:
        """Certificates, kubeconfigs, logs and data; it is removed at the end."""
        return self._folder

    @property
    def kubectl(self) -> Path:
        """The kubectl binary that belongs to this hub."""
        if self._binaries is None:
            self._binaries = hub_binaries()
        return self._binaries.kubectl

    def token(self, user: str) -> str:
        """The bearer token of one of `users.USERS`."""
        return self._tokens[user]

    def kubeconfig(self, user: str) -> Path:
        """The file for one of `users.USERS`, written at the start; others raise KeyError."""
        return self._kubeconfigs[user]

    # -- outages, for tests --------------------------------------------------------------------

    def start_etcd(self) -> None:
        self._etcd = self._running().start("etcd", self._argv["etcd"])

    def pause_etcd(self) -> None:
        """Stops the process where it is (SIGSTOP), as a disk that answers nothing does."""
        os.kill(self._etcd, signal.SIGSTOP)

    def resume_etcd(self) -> None:
        os.kill(self._etcd, signal.SIGCONT)

    def start_apiserver(self, *flags: str) -> None:
        """Start it on the port it had, and wait until it is ready.

        `flags` count for this start only, and over those that it usually has.
        """
        keeper = self._running()
        argv = [*self._argv["kube-apiserver"], *flags]
        keeper.start("kube-apiserver", argv, environment=self._environment)
        admin = self._rest()
        wait_until(lambda: admin.answers("/readyz"), "kube-apiserver", self._check)

    def stop_apiserver(self) -> None:
        self._running().stop("kube-apiserver")

    def kill_apiserver(self) -> None:
        """Kills the server with SIGKILL."""
        self._running().kill("kube-apiserver")

    def restart_apiserver(self, *flags: str) -> None:
        self.stop_apiserver()
        self.start_apiserver(*flags)

    def restart(self) -> None:
        """Restarts both servers, on the same data and ports."""
        self.stop_apiserver()
        self._running().stop("etcd")
        self.start_etcd()
        self.start_apiserver()

    def back_up(self, backup: Path) -> None:
        """Copy etcd's data to a folder that does not exist; the servers restart for it."""
        self._exchange(self._folder / "etcd", backup)

    def restore(self, backup: Path) -> None:
        """Everything as it was at `back_up`, its versions too; the servers restart for it."""
        self._exchange(backup, self._folder / "etcd")

    def _exchange(self, source: Path, target: Path) -> None:
        self.stop_apiserver()
        self._running().stop("etcd")
        shutil.rmtree(target, ignore_errors=True)
        shutil.copytree(source, target)
        self.start_etcd()
        self.start_apiserver()

    # -- inside --------------------------------------------------------------------------------

    def _prepare(self, binaries: HubBinaries) -> None:
        folder = self._folder
        self._ports = _Ports(*(servers.free_port() for _ in range(3)))
        self._argv = {
            "etcd": servers.etcd_argv(
                binaries.etcd,
                folder / "etcd",
                self._ports.etcd,
                self._ports.etcd_peer,
                durable=self._durable,
            ),
            "kube-apiserver": servers.apiserver_argv(
                binaries.kube_apiserver,
                port=self._ports.apiserver,
                etcd_port=self._ports.etcd,
                serving=write_serving_files(folder),
                signing_key=write_signing_key(folder / "service-accounts.key"),
                tokens=users.write_token_file(folder / "tokens.csv", self._tokens),
                audit_log=self._audit_log,
                durable=self._durable,
            ),
        }
        self._kubeconfigs = {
            user: users.write_kubeconfig(
                folder / f"{user}.kubeconfig", self.url, self.ca_file, token
            )
            for user, token in self._tokens.items()
        }

    def _fill(self, binaries: HubBinaries) -> None:
        admin = self._rest()
        contents.install(admin, binaries.crds, self._namespaces)
        wait_until(lambda: contents.served(admin), "the API of the sandbox hub", self._check)

    def _check(self) -> None:
        keeper = self._running()
        keeper.check("etcd")
        keeper.check("kube-apiserver")

    def _rest(self) -> SandboxRest:
        return SandboxRest(self.url, self.ca_file, self.token("admin"))

    def _running(self) -> Keeper:
        if self._keeper is None:
            raise RuntimeError("the sandbox hub is not running: use it inside its `with`")
        return self._keeper
