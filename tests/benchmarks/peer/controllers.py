"""The two that carry a rollout out, each as a process of its own."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

from msgspec import Struct

from ibgu.db.migrate import upgrade
from ibgu.sandbox.hub import SandboxHub
from ibgu.sandbox.postgres import EmbeddedPostgres
from ibgu.sandbox.servers import free_port
from ibgu.sandbox.users import USERS
from tests.benchmarks.journal.state import kept
from tests.benchmarks.process import Process, controller
from tests.benchmarks.ready import ready
from tests.e2e.real_talm import USER, RealTalm
from tests.neighbours.programs import find, how_to_have_them


class Running(Struct, frozen=True):
    process: Process
    user: str
    """The name that the hub knows it by."""
    log: Path


@asynccontextmanager
async def ibgu(hub: SandboxHub, folder: Path) -> AsyncIterator[Running]:
    """ibgu with a Postgres of its own, which waits for its disk."""
    listen, log = f"127.0.0.1:{free_port()}", folder / "ibgu.log"
    with kept() as data, EmbeddedPostgres(data) as postgres:
        await upgrade(postgres.url)
        environment = {
            "KUBECONFIG": str(hub.kubeconfig("ibgu")),
            "DATABASE_URL": postgres.url,
            "IBGU_LISTEN": listen,
            "IBGU_LOG_LEVEL": "warning",
        }
        with controller(environment, log) as process:
            await ready(process, listen, log)
            yield Running(process, USERS["ibgu"].username, log)


@asynccontextmanager
async def talm(hub: SandboxHub, folder: Path) -> AsyncIterator[Running]:
    program = find("TALM")
    if program is None:
        raise SystemExit(how_to_have_them())
    found = RealTalm(hub, program, folder)
    found.install()
    found.start()
    try:
        yield Running(Process(found.pid), USER, found.log)
    finally:
        found.stop()


CONTROLLERS: dict[str, Callable[[SandboxHub, Path], AbstractAsyncContextManager[Running]]] = {
    "TALM": talm,
    "ibgu": ibgu,
}
