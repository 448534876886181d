"""`ibgu controller` as a process that signals hit, and that a kubelet would start again."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from ibgu.sandbox.servers import free_port

_AGAIN = 0.3
"""Seconds from an end to the next start."""
_PATIENCE = 20.0
"""Seconds for a clean end."""

OWN_MISTAKE = "ended by an internal error"
"""What the log of a process says that met something nobody has thought of."""


class Pod:
    """`up` starts it, and starts it again whenever it ends, until `down` or `remove`.

    `crashes`: exit codes of ends that were not asked for.
    """

    def __init__(
        self, name: str, environment: Mapping[str, str], folder: Path, *, credential: str
    ) -> None:
        """`credential`: what the audit log calls its token."""
        self.name = name
        self.credential = credential
        self.log = folder / f"{name}.log"
        self.starts = 0
        self.crashes: list[int] = []
        self._environment = {**environment, "IBGU_IDENTITY": name}
        self._process: subprocess.Popen[bytes] | None = None
        self._keeping: asyncio.Task[None] | None = None
        self._killed = False

    # -- what happens to it --------------------------------------------------------------------

    def up(self) -> None:
        self._start()
        self._keeping = asyncio.create_task(self._keep())

    def kill(self) -> None:
        """kill -9; it is started again."""
        self._killed = True
        self._signal(signal.SIGKILL)

    def pause(self) -> None:
        """SIGSTOP: as a machine that swaps, or is moved while it runs."""
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        self._signal(signal.SIGCONT)

    async def down(self) -> None:
        """A clean end."""
        await self._end(signal.SIGTERM)
        assert self._process is not None
        assert self._process.returncode == 0, self.told()

    async def remove(self) -> None:
        """kill -9; nobody starts it again."""
        await self._end(signal.SIGKILL)

    # -- questions -----------------------------------------------------------------------------

    def told(self, lines: int = 40) -> str:
        """The end of its log."""
        return "\n".join(self.log.read_text().splitlines()[-lines:])

    @property
    def own_mistakes(self) -> int:
        return self.log.read_text().count(OWN_MISTAKE)

    # -- inside --------------------------------------------------------------------------------

    def _start(self) -> None:
        self.starts += 1
        self._killed = False
        listen = f"127.0.0.1:{free_port()}"
        with self.log.open("a") as output:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "ibgu", "controller", "--migrate"],
                env={**os.environ, "IBGU_LISTEN": listen, **self._environment},
                stdout=output,
                stderr=output,
            )

    async def _keep(self) -> None:
        while True:
            code = await self._ended()
            if not self._killed:
                self.crashes.append(code)
            await asyncio.sleep(_AGAIN)
            self._start()

    async def _ended(self) -> int:
        """Returns the exit code. Where the wait is cancelled, its thread ends with the process."""
        assert self._process is not None
        return await asyncio.to_thread(self._process.wait)

    async def _end(self, by: signal.Signals) -> None:
        if self._keeping is not None:
            self._keeping.cancel()
            await asyncio.gather(self._keeping, return_exceptions=True)
            self._keeping = None
        if self._process is not None:
            self._signal(by)
            self._signal(signal.SIGCONT)
            async with asyncio.timeout(_PATIENCE):
                await self._ended()

    def _signal(self, which: signal.Signals) -> None:
        if self._process is not None:
            self._process.send_signal(which)
