"""`ibgu rollback --failed` and `ibgu confirm-cleanup`."""

from collections.abc import Awaitable, Callable

import pytest

from ibgu.db import Journal
from ibgu.hub.client import HubClient
from tests.api.test_changes import admin, ibgus, made
from tests.api.test_follow_ups import created
from tests.api.test_no_way_on import stuck, upgraded
from tests.cli.conftest import Ibgu
from tests.cli.terminal import OnTerminal, on_terminal
from tests.cli.test_changes import log
from tests.cli.test_confirming import unwrapped

__all__ = ["admin", "log", "made", "on_terminal", "stuck"]
pytestmark = [pytest.mark.hub, pytest.mark.usefixtures("stuck")]
Made = Callable[..., Awaitable[str]]


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
    assert "states that somebody has cleaned up there by hand: by hand." in told
    assert len(await ibgus(admin)) == 1
    right = await on_terminal(*asked, types="ran-x1\n")
    assert right.exit_code == 0, right.screen
    said = created(await ibgus(admin)).metadata.annotations["ibgu.dev/manual-cleanup-done"]
    assert said.endswith(": by hand")


async def test_misuse(ibgu: Ibgu) -> None:
    without = await ibgu("confirm-cleanup", "ran-x1", "--yes")
    assert without.exit_code == 2
    assert "give --reason" in without.stderr
    wrong = await ibgu("confirm-cleanup", "ran-x1", "--reason", "x", "--action", "Abrot")
    assert wrong.exit_code == 2
    assert "Abort" in wrong.stderr
