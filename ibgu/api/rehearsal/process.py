"""Has a process of its own rehearse: neither the event loop nor the controller waits for it."""

import asyncio
import sys
from asyncio.subprocess import PIPE, Process
from math import ceil
from pathlib import Path
from signal import SIGXCPU

from msgspec import msgpack

import ibgu
from ibgu.api.context import RehearsalLimits
from ibgu.api.problems import Problem
from ibgu.api.rehearsal.work import TOO_LARGE, PlanAndOdds, RehearsalWork
from ibgu.core.rehearsal.outlook import Outlook

_MIB = 1024**2
_WORKER = (sys.executable, "-P", "-m", "ibgu.api.rehearsal.worker")
_ENVIRONMENT = {"PYTHONPATH": str(Path(ibgu.__file__).parents[1])}
"""Nothing of this process's own, which has secrets."""
_SHOWN = 2000
"""Bytes of the end of a failed worker's stderr."""


async def rehearsed(
    plans: list[PlanAndOdds], runs: int, seed: int, label: str, limits: RehearsalLimits
) -> list[Outlook]:
    """Returns the outlook of each plan. The process ends with the call, however that ends. Raises
    Problem."""
    work = RehearsalWork(
        plans=plans,
        runs=runs,
        seed=seed,
        label=label,
        run_seconds=limits.run_seconds,
        cpu_seconds=ceil(limits.seconds),
        memory=limits.memory,
    )
    process = await asyncio.create_subprocess_exec(
        *_WORKER, stdin=PIPE, stdout=PIPE, stderr=PIPE, env=_ENVIRONMENT, start_new_session=True
    )
    try:
        async with asyncio.timeout(limits.seconds):
            stdout, stderr = await process.communicate(msgpack.encode(work))
    except TimeoutError as error:
        raise _too_large(f"{limits.seconds:.0f} seconds") from error
    finally:
        await _end(process)
    match process.returncode:
        case 0:
            return msgpack.decode(stdout, type=list[Outlook])
        case status if status == TOO_LARGE:
            raise _too_large(f"{limits.memory // _MIB} MiB of memory")
        case status if status == -SIGXCPU:
            raise _too_large(f"{limits.seconds:.0f} seconds")
        case status:
            words = stderr[-_SHOWN:].decode(errors="replace")
            raise RuntimeError(f"the process that rehearses ended with {status}: {words}")


async def _end(process: Process) -> None:
    if process.returncode is None:
        process.kill()
        await process.wait()


def _too_large(what: str) -> Problem:
    words = (
        f"the rehearsal takes more than {what}: rehearse fewer clusters at once, or rehearse with "
        "the command `ibgu rehearse`, which has no such limit"
    )
    return Problem(422, "too-large", words)
