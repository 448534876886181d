"""`ibgu events`: what happened, and what happens."""

import asyncio
import json
import os
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
from fastapi import FastAPI
from msgspec.structs import replace

from ibgu.core.drivers.ibu.actions import Action
from ibgu.core.model import Cause, Kind, OnMember, OnRollout, Outcome
from ibgu.db import Journal
from ibgu.sandbox.hub import SandboxHub
from tests.api.fleet import (
    CIRCUIT_BREAKER,
    failed,
    fleet,
    open_step,
    rollout,
    seen,
    succeeded,
    tell,
)
from tests.cli.conftest import Ibgu, Server, serving
from tests.db.records import NOW, member, step


async def breaker(journal: Journal) -> None:
    await tell(
        journal, OnRollout(Kind.ROLLOUT_HELD, rollout(hold=CIRCUIT_BREAKER), "5 have failed")
    )


async def kinds(ibgu: Ibgu, *args: str) -> list[str]:
    found = await ibgu("events", "ran-r1", "-o", "json", *args)
    assert found.exit_code == 0, found.output
    return [json.loads(line)["kind"] for line in found.stdout.splitlines()]


async def test_events_are_printed_oldest_first(ibgu: Ibgu, journal: Journal) -> None:
    await seen(journal, rollout())
    await breaker(journal)
    found = await ibgu("events", "ran-r1")
    assert found.exit_code == 0, found.output
    first, last = found.stdout.splitlines()
    assert f"{NOW.astimezone():%Y-%m-%d %H:%M:%S} #" in first
    assert first.endswith("· RolloutSeen: seen")
    assert last.endswith("⏸ RolloutHeld: 5 have failed")


async def test_events_are_filtered_by_the_options(ibgu: Ibgu, journal: Journal) -> None:
    await fleet(journal)
    everything = await kinds(ibgu, "-v")
    assert await kinds(ibgu, "-v", "--tail", "2") == everything[-2:]
    assert await kinds(ibgu, "--tail", "0") == []
    assert await kinds(ibgu, "--since", "1h") == []
    assert await kinds(ibgu, "--warnings") == []
    of_a = await ibgu("events", "ran-r1", "--cluster", "a", "-o", "json")
    told = [json.loads(line) for line in of_a.stdout.splitlines()]
    assert {each["cluster"] for each in told} == {"a"}
    later = await ibgu("events", "ran-r1", "--after", str(told[0]["seq"]), "-o", "json")
    assert len(later.stdout.splitlines()) < len(everything)
    assert (await ibgu("events", "ran-r1", "--since", "soon")).exit_code == 2
    nobody = await ibgu("events", "ran-r1", "--cluster", "nope")
    assert nobody.exit_code == 1
    assert "has no cluster nope" in nobody.stderr
    assert (await ibgu("events", "ran-r1", "--cluster", "a", "--since", "1h")).exit_code == 0


async def test_a_rollouts_level_comes_first_and_details_on_demand(
    ibgu: Ibgu, journal: Journal
) -> None:
    one = rollout()
    await seen(journal, one)
    prep = await open_step(journal, step(one, 0, Action.PREP))
    await tell(journal, OnMember(Kind.JOINED, member(prep, "a", 0), "belongs to the step"))
    await tell(journal, OnMember(Kind.JOINED, member(prep, "b", 1), "belongs to the step"))
    bad = failed(prep, "a", 0, "no route to the registry")
    await tell(journal, OnMember(Kind.FINISHED, bad, "no route to the registry", bad.cause))
    good = succeeded(prep, "b", 1)
    await tell(journal, OnMember(Kind.FINISHED, good, "succeeded"))
    shown = ["RolloutSeen", "StepStarted", "MemberFinished"]
    assert await kinds(ibgu) == shown
    assert await kinds(ibgu, "--warnings") == ["MemberFinished"]
    told = await ibgu("events", "ran-r1", "--warnings")
    assert "step 1 a ✗ MemberFinished: no route to the registry" in told.stdout
    assert len(await kinds(ibgu, "-v")) == 6
    assert await kinds(ibgu, "--cluster", "b") == ["MemberJoined", "MemberFinished"]


async def test_the_warnings_are_all_failures(ibgu: Ibgu, journal: Journal) -> None:
    """Each cluster that failed, whatever for, or was cancelled; and no one else."""
    one = rollout()
    await seen(journal, one)
    prep = await open_step(journal, step(one, 0, Action.PREP))
    bad = [failed(prep, f"c{place}", place, "no", cause=cause) for place, cause in enumerate(Cause)]
    ended = [
        *bad,
        replace(failed(prep, "gone", 900, "by another"), outcome=Outcome.CANCELLED),
        replace(failed(prep, "left", 901, "by a person"), outcome=Outcome.SKIPPED),
        succeeded(prep, "good", 902),
    ]
    for each in ended:
        await tell(journal, OnMember(Kind.FINISHED, each, "ended", each.cause))
    found = await ibgu("events", "ran-r1", "--warnings", "-o", "json")
    told = [json.loads(line)["cluster"] for line in found.stdout.splitlines()]
    assert told == [*(each.cluster for each in bad), "gone"]


Follow = Callable[[], Awaitable[Process]]


@pytest.fixture
async def follow(server: str, sandbox_hub: SandboxHub) -> AsyncIterator[Follow]:
    """Starts `ibgu events ran-r1 -f`, and ends it after the test if that did not."""
    begun: list[Process] = []
    asking = {"IBGU_SERVER": server, "IBGU_TOKEN": sandbox_hub.token("alice")}

    async def follow() -> Process:
        command = ("-m", "ibgu", "events", "ran-r1", "-n", "default", "-f", "-o", "json")
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            *command,
            env=os.environ | asking,
            stdout=PIPE,
            stderr=PIPE,
            preexec_fn=_hears_ctrl_c,
        )
        begun.append(process)
        return process

    yield follow
    for process in begun:
        if process.returncode is None:
            process.kill()
            await process.wait()


def _hears_ctrl_c() -> None:
    """Lets the process hear Ctrl-C, also where the tests themselves run in the background of a
    shell, which ignores it there."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


async def told(process: Process) -> str:
    assert process.stdout
    return str(json.loads(await process.stdout.readline())["kind"])


async def interrupt(process: Process) -> str:
    """Ctrl-C; what it had to say."""
    process.send_signal(signal.SIGINT)
    _, errors = await process.communicate()
    assert process.returncode == 0
    return errors.decode()


async def test_follow_prints_new_events_until_interrupted(journal: Journal, follow: Follow) -> None:
    await seen(journal, rollout())
    process = await follow()
    assert await told(process) == "RolloutSeen"
    await breaker(journal)
    assert await told(process) == "RolloutHeld"
    assert await interrupt(process) == ""


async def test_an_outage_is_waited_out(
    journal: Journal, app: FastAPI, served: Server, follow: Follow
) -> None:
    """Nothing is lost or shown twice, and the outage is shown once."""
    await seen(journal, rollout())
    process = await follow()
    assert await told(process) == "RolloutSeen"
    await served.stop()
    assert process.stderr
    assert b"can't reach" in await process.stderr.readline()
    await breaker(journal)
    async with serving(app, served.address.removeprefix("http://")):
        assert await told(process) == "RolloutHeld"
    assert (await interrupt(process)).count("can't reach") <= 1


async def test_an_unknown_rollout_is_refused(ibgu: Ibgu) -> None:
    found = await ibgu("events", "ran-9", "-f")
    assert (found.exit_code, found.stdout) == (1, "")
    assert found.stderr.startswith("ibgu: there is no rollout ran-9")
