"""`ibgu rollback --failed` and `ibgu confirm-cleanup`."""

import shlex
from collections.abc import Awaitable, Callable

import pytest

from ibgu.cli.stragglers import show
from ibgu.core.drivers.ibu.actions import Action
from ibgu.core.model import Cause
from ibgu.db import Journal
from ibgu.hub.client import HubClient
from tests.api.fleet import failed, open_step, put, seen
from tests.api.test_changes import admin, ibgus, made
from tests.api.test_follow_ups import created, of, selected
from tests.api.test_no_way_on import NO_CLEANUP, stuck, upgraded
from tests.cli.conftest import Ibgu
from tests.cli.terminal import OnTerminal, on_terminal
from tests.cli.test_changes import log
from tests.cli.test_confirming import unwrapped
from tests.db.records import step

__all__ = ["admin", "log", "made", "on_terminal", "stuck"]
pytestmark = pytest.mark.usefixtures("stuck")
Made = Callable[..., Awaitable[str]]
PLAN = ("Prep", "Upgrade", "AbortOnFailure", "FinalizeUpgrade")


async def test_failed_upgrades_are_rolled_back(
    ibgu: Ibgu, made: Made, journal: Journal, admin: HubClient
) -> None:
    await upgraded(journal, await made("Prep", "Upgrade"))
    done = await ibgu("rollback", "ran-x1", "--failed", "--yes", "--no-wait", user="olga")
    assert done.exit_code == 0, done.output
    assert done.stdout.startswith("Rollback for 1 cluster of ran-x1, by the new rollout")
    new = created(await ibgus(admin))
    assert new.spec.cluster_label_selectors[0].match_expressions[0].values == ["x4-stays"]


async def test_a_clean_up_is_confirmed_by_the_typed_name(
    on_terminal: OnTerminal, made: Made, journal: Journal, admin: HubClient
) -> None:
    await upgraded(journal, await made("Prep", "Upgrade"))
    asked = ("confirm-cleanup", "ran-x1", "--action", "Abort", "--reason", "by  hand", "--no-wait")
    wrong = await on_terminal(*asked, types="yes\n")
    assert wrong.exit_code == 1
    told = unwrapped(wrong.screen)
    assert "Abort for 1 cluster of ran-x1, by the new rollout ran-x1-cleanup-" in told
    assert "confirms a manual cleanup there: by hand." in told
    assert len(await ibgus(admin)) == 1
    right = await on_terminal(*asked, types="ran-x1\n")
    assert right.exit_code == 0, right.screen
    said = created(await ibgus(admin)).metadata.annotations["ibgu.dev/manual-cleanup-done"]
    assert said.endswith(": by hand")


async def not_cleaned_up(journal: Journal, uid: str) -> None:
    """Two of three clusters take the same action again, for different causes."""
    one = of(uid, *PLAN)
    await seen(journal, one)
    abort = await open_step(journal, step(one, 2, Action.ABORT_ON_FAILURE))
    finalize = await open_step(journal, step(one, 3, Action.FINALIZE_UPGRADE))
    over = {"cause": Cause.ABORT_FAILED, "failed_action": Action.ABORT_ON_FAILURE}
    other = {"cause": Cause.FINALIZE_FAILED, "failed_action": Action.FINALIZE_UPGRADE}
    await put(
        journal,
        failed(abort, "x4-stays", 0, "failed to remove 1 stateroots", **over),
        failed(abort, "x4-back", 1, NO_CLEANUP, **over),
        failed(finalize, "x4-finalize", 2, NO_CLEANUP, **other),
    )


@pytest.mark.parametrize("most", [20, 0], ids=["names", "a command that prints the names"])
async def test_each_group_of_stragglers_is_confirmed_on_its_own(
    ibgu: Ibgu,
    made: Made,
    journal: Journal,
    admin: HubClient,
    monkeypatch: pytest.MonkeyPatch,
    most: int,
) -> None:
    monkeypatch.setattr(show, "_NAMED", most)
    await not_cleaned_up(journal, await made(*PLAN))
    found = await ibgu("stragglers", "ran-x1", "-n", "default")
    assert found.exit_code == 0, found.output
    lines = [line.strip() for line in found.stdout.splitlines()]
    commands = [line for line in lines if line.startswith("ibgu confirm-cleanup ")]
    assert len(commands) == 3, found.stdout
    for command in commands:
        args = [await substituted(ibgu, each) for each in shlex.split(command)[1:]]
        done = await ibgu(*args, "--yes", "--no-wait", user="olga")
        assert done.exit_code == 0, done.output
    new = [each for each in await ibgus(admin) if each.metadata.name != "ran-x1"]
    assert sorted((selected(each), each.spec.plan[0].actions) for each in new) == [
        (["x4-back"], ["AbortOnFailure"]),
        (["x4-finalize"], ["FinalizeUpgrade"]),
        (["x4-stays"], ["AbortOnFailure"]),
    ]


async def substituted(ibgu: Ibgu, argument: str) -> str:
    """Returns the argument as the shell passes it."""
    if not argument.startswith("$("):
        return argument
    return (await ibgu(*shlex.split(argument[2:-1])[1:])).stdout.rstrip("\n")


async def test_a_group_that_is_gone_by_then_is_not_the_whole_rollout(
    ibgu: Ibgu, made: Made, journal: Journal, admin: HubClient
) -> None:
    await not_cleaned_up(journal, await made(*PLAN))
    only = ("--cleanup", "Abort", "-o", "name")
    gone = await ibgu("stragglers", "ran-x1", "-n", "default", *only)
    assert (gone.exit_code, gone.stdout) == (0, "")
    for command in ("confirm-cleanup", "cancel", "rollback", "finalize", "retry"):
        more = ("--reason", "x") if command == "confirm-cleanup" else ()
        refused = await ibgu(command, "ran-x1", gone.stdout, *more, "--yes", user="olga")
        assert refused.exit_code == 2, refused.output
        assert "a CLUSTER is empty" in refused.stderr
    assert len(await ibgus(admin)) == 1


async def test_confirm_cleanup_refuses_missing_reason_and_unknown_action(ibgu: Ibgu) -> None:
    without = await ibgu("confirm-cleanup", "ran-x1", "--yes")
    assert without.exit_code == 2
    assert "--reason is required" in without.stderr
    wrong = await ibgu("confirm-cleanup", "ran-x1", "--reason", "x", "--action", "Abrot")
    assert wrong.exit_code == 2
    assert "Abort" in wrong.stderr
