"""`ibgu run` for the demo: a process of its own, as it runs on any hub."""

import asyncio
import sys

from ibgu.sandbox.demo.address import address
from ibgu.sandbox.hub import SandboxHub
from ibgu.sandbox.keeper import Keeper

IBGU = "ibgu"
_TRIES = 3
_TAKEN = "Address already in use"
_LISTENS = '"event": "listening"'


async def start_ibgu(
    wanted: str, hub: SandboxHub, database_url: str, tries: int = _TRIES
) -> tuple[Keeper, str]:
    """Start ibgu; return its keeper, and the address at which it listens.

    An address that was free when it was chosen may be taken a moment later: unless it was
    `wanted`, another one is tried.
    """
    listen = address(wanted)
    keeper = _started(listen, hub, database_url)
    try:
        await _until_it_listens(keeper)
    except BaseException as error:
        await asyncio.to_thread(keeper.close)
        if wanted or tries == 1 or _TAKEN not in str(error):
            raise
        return await start_ibgu(wanted, hub, database_url, tries - 1)
    return keeper, listen


def _started(listen: str, hub: SandboxHub, database_url: str) -> Keeper:
    folder = hub.folder / IBGU
    folder.mkdir(exist_ok=True)
    keeper = Keeper(folder, remove_folder=False)
    keeper.log(IBGU).unlink(missing_ok=True)
    environment = {
        "KUBECONFIG": str(hub.kubeconfig(IBGU)),
        "DATABASE_URL": database_url,
        "IBGU_LISTEN": listen,
        "IBGU_PREFLIGHT_INSPECTIONS": "true",
    }
    variables = [f"{name}={value}" for name, value in environment.items()]
    argv = ["env", *variables, sys.executable, "-m", "ibgu", "run", "--migrate"]
    keeper.start(IBGU, argv, grace=10.0)
    return keeper


async def _until_it_listens(keeper: Keeper) -> None:
    """Wait for its log to say so: another program on the address would answer there, too. Raises
    SandboxError if it ends."""
    while _LISTENS not in keeper.log(IBGU).read_text(errors="replace"):
        keeper.check(IBGU)
        await asyncio.sleep(0.05)
