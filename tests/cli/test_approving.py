"""`ibgu approve`: it sends what it has shown, and asks before what can't be undone."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from ibgu.cli.change import confirming
from ibgu.core.drivers.ibu.actions import Action
from ibgu.core.model import ActingParty, Member, Reason, ReasonKind, Step
from ibgu.core.model.grants import RolloutApproval
from ibgu.core.model.kinds import ObjectMeta
from ibgu.core.model.rollout_policy import (
    ApprovalMoment,
    Canaries,
    PolicyApproval,
    RolloutPolicy,
    RolloutPolicySpec,
)
from ibgu.db import Journal
from ibgu.hub import paths
from ibgu.hub.client import HubClient
from tests.api.fleet import fleet, open_step, put
from tests.api.test_changes import admin, clusters, ibgus, made
from tests.cli.conftest import Ibgu
from tests.cli.terminal import OnTerminal, on_terminal
from tests.cli.test_confirming import RISKS, unwrapped
from tests.db.records import NOW, member, step

__all__ = ["admin", "clusters", "ibgus", "made", "on_terminal"]
Made = Callable[..., Awaitable[str]]

Approvals = Callable[[], Awaitable[list[str]]]

LOST = RISKS[Action.FINALIZE_UPGRADE].lost


@pytest.fixture
async def approvals(admin: HubClient) -> AsyncIterator[Approvals]:
    """Returns who approves what, such as "nora 2 Upgrade"; deletes the approvals afterwards."""
    path = paths.rollout_approvals("default")

    async def found() -> list[str]:
        pages = admin.list_pages(path, RolloutApproval)
        specs = [each.spec async for page, _ in pages for each in page]
        return sorted(f"{each.user} {each.step} {each.before}" for each in specs)

    yield found
    await admin.request("DELETE", path)


async def waiting_for(made: Made, journal: Journal, *points: str) -> Step:
    """Has clusters of the third step, which it returns, wait for these approvals."""
    uid = await made("Prep", "Upgrade", "FinalizeUpgrade")
    found = await fleet(journal, uid, name="ran-x1")
    last = await open_step(journal, step(found, 2, Action.FINALIZE_UPGRADE, total=len(points)))
    for position, point in enumerate(points):
        await put(journal, kept(last, position, point))
    return last


def kept(last: Step, position: int, point: str) -> Member:
    gate = Reason(ReasonKind.GATE, NOW, "words", who=ActingParty.PERSON, approval=point)
    return member(last, f"w{position}", position, reason=gate)


async def test_the_default_is_what_clusters_wait_for(
    ibgu: Ibgu, made: Made, journal: Journal, approvals: Approvals
) -> None:
    await waiting_for(made, journal, "FinalizeUpgrade")
    for args in ((), ("--step", "3"), ("--before", "FinalizeUpgrade")):
        told = await ibgu("approve", "ran-x1", "--dry-run", *args, user="nora")
        assert told.exit_code == 0, told.output
        assert "nora approves FinalizeUpgrade of step 3 of ran-x1" in told.stdout
        assert f"The clusters may go on with FinalizeUpgrade. {LOST}" in told.stdout
    other = await ibgu("approve", "ran-x1", "--dry-run", "--step", "1", user="nora")
    assert "nora approves step 1 of ran-x1" in other.stdout
    assert "can't be undone" not in other.stdout
    assert await approvals() == []


async def test_the_beginning_of_the_step_is_approved_if_no_cluster_waits(
    ibgu: Ibgu, made: Made, journal: Journal, approvals: Approvals
) -> None:
    await waiting_for(made, journal)
    done = await ibgu("approve", "ran-x1", "--step", "2", user="nora")
    assert done.exit_code == 0, done.output
    direct = await ibgu("approve", "ran-x1", "--step", "1", "--direct", user="nora")
    assert direct.exit_code == 0, direct.output
    assert await approvals() == ["nora 1 Step", "nora 2 Step"]


async def test_one_of_several_approvals_must_be_named(
    ibgu: Ibgu, made: Made, journal: Journal, approvals: Approvals
) -> None:
    await waiting_for(made, journal, "Rest", "FinalizeUpgrade")
    refused = await ibgu("approve", "ran-x1", user="nora")
    assert refused.exit_code == 2
    assert refused.stderr == (
        "ibgu: clusters wait for several approvals: FinalizeUpgrade of step 3 and the rest of "
        "step 3; name one with --before\n"
    )
    assert await approvals() == []
    done = await ibgu("approve", "ran-x1", "--before", "Rest", "--yes", user="nora")
    assert done.exit_code == 0, done.output
    assert await approvals() == ["nora 3 Rest"]


async def test_the_name_is_typed_to_approve_what_cannot_be_undone(
    ibgu: Ibgu, on_terminal: OnTerminal, made: Made, journal: Journal, approvals: Approvals
) -> None:
    await waiting_for(made, journal, "FinalizeUpgrade")
    nobody = await ibgu("approve", "ran-x1", user="nora")
    assert nobody.exit_code == 2
    assert nobody.stderr.startswith("ibgu: ran-x1: nothing was done. This can't be undone. ")
    wrong = await on_terminal("approve", "ran-x1", types="ran\n", user="nora")
    assert wrong.exit_code == 1
    assert "nora approves FinalizeUpgrade of step 3 of ran-x1" in unwrapped(wrong.screen)
    assert LOST in unwrapped(wrong.screen)
    assert await approvals() == []
    right = await on_terminal("approve", "ran-x1", types="ran-x1\n", user="nora")
    assert right.exit_code == 0, right.screen
    assert await approvals() == ["nora 3 FinalizeUpgrade"]


async def test_the_shown_approval_is_sent_though_clusters_wait_for_another(
    ibgu: Ibgu,
    made: Made,
    journal: Journal,
    approvals: Approvals,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    last, loop = await waiting_for(made, journal, "Rest"), asyncio.get_running_loop()

    def type_it(name: str) -> None:
        meanwhile = put(journal, kept(last, 0, "FinalizeUpgrade"))
        asyncio.run_coroutine_threadsafe(meanwhile, loop).result()

    monkeypatch.setattr(confirming, "require_terminal", lambda name, risk: None)
    monkeypatch.setattr(confirming, "require_name", type_it)
    done = await ibgu("approve", "ran-x1", user="nora")
    assert done.exit_code == 0, done.output
    assert await approvals() == ["nora 3 Rest"]


@pytest.mark.parametrize("direct", [(), ("--direct",)])
async def test_an_approval_in_advance_is_confirmed_too(
    ibgu: Ibgu, made: Made, journal: Journal, approvals: Approvals, direct: tuple[str, ...]
) -> None:
    await waiting_for(made, journal)
    args = "approve", "ran-x1", "--step", "3", "--before", "FinalizeUpgrade", *direct
    nobody = await ibgu(*args, user="nora")
    assert nobody.exit_code == 2
    assert f"The clusters may go on with FinalizeUpgrade. {LOST}" in nobody.stderr
    assert await approvals() == []
    done = await ibgu(*args, "--yes", user="nora")
    assert done.exit_code == 0, done.output
    assert await approvals() == ["nora 3 FinalizeUpgrade"]


async def test_an_approval_that_policies_ask_for_next_is_the_default(
    ibgu: Ibgu, made: Made, journal: Journal, approvals: Approvals
) -> None:
    """The canaries soak: no cluster waits for the approval of the rest yet."""
    await waiting_for(made, journal)
    rest = await policies(journal, ApprovalMoment.REST)
    done = await ibgu("approve", "ran-x1", "--yes", user="nora")
    assert done.exit_code == 0, done.output
    assert await approvals() == ["nora 3 Rest"]
    several = await policies(journal, ApprovalMoment.ACTION, *rest)
    refused = await ibgu("approve", "ran-x1", user="nora")
    assert refused.exit_code == 2
    assert refused.stderr == (
        "ibgu: policies ask for several approvals: FinalizeUpgrade of step 3 and the rest of step "
        "3; name one with --before\n"
    )
    await policies(journal, ApprovalMoment.STEP, *several)
    done = await ibgu("approve", "ran-x1", "--yes", user="nora")
    assert done.exit_code == 0, done.output
    assert await approvals() == ["nora 3 Rest", "nora 3 Step"]


async def policies(
    journal: Journal, before: ApprovalMoment, *others: RolloutPolicy
) -> list[RolloutPolicy]:
    """Has policies in force that ask for approval, one of them before this; returns all."""
    name = f"asks-{before.lower()}"
    metadata = ObjectMeta(name=name, uid=f"uid-{name}", generation=1)
    canaries = Canaries(count=1) if before is ApprovalMoment.REST else None
    spec = RolloutPolicySpec(approval=PolicyApproval(before=before), canaries=canaries)
    found = [RolloutPolicy(metadata, spec), *others]
    await journal.note_policies(found)
    return found


@pytest.mark.parametrize("direct", [(), ("--direct",)])
async def test_an_empty_point_is_not_the_default(
    ibgu: Ibgu, made: Made, journal: Journal, approvals: Approvals, direct: tuple[str, ...]
) -> None:
    await waiting_for(made, journal)
    refused = await ibgu("approve", "ran-x1", "--step", "1", "--before", "", *direct, user="nora")
    assert refused.exit_code in (1, 2), refused.output
    assert await approvals() == []
