"""What can't be undone says what is lost, and is done for who types the rollout's name."""

import re
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from msgspec.structs import replace

from ibgu.core.change import ADOPT, RISKS, SKIP
from ibgu.core.kinds import LabelRequirement, LabelSelector
from ibgu.core.model import Action
from ibgu.db import Journal
from ibgu.hub.client import HubClient
from tests.api.fleet import fleet, seen
from tests.api.test_changes import admin, clusters, known, made, on_hub
from tests.cli.conftest import Ibgu
from tests.cli.terminal import OnTerminal, on_terminal

__all__ = ["admin", "clusters", "made", "on_terminal"]
pytestmark = pytest.mark.hub
Made = Callable[..., Awaitable[str]]

DIRECT = pytest.mark.parametrize("direct", [(), ("--direct",)])
RISKY = {
    ("abort", "ran-x1", "--everybody"): RISKS[Action.ABORT],
    ("abort", "ran-x1"): RISKS[Action.ABORT_ON_FAILURE],
    ("add-step", "ran-x1", "Upgrade", "FinalizeUpgrade"): RISKS[Action.FINALIZE_UPGRADE],
    ("add-step", "ran-x1", "abort"): RISKS[Action.ABORT],
    ("skip", "ran-x1", "--waiting"): SKIP,
    ("adopt", "ran-x1"): ADOPT,
}


def unwrapped(screen: str) -> str:
    """Without the ends of the terminal's lines, and without colours."""
    return " ".join(re.sub(r"\x1b\[[\d;]*m", "", screen).split())


async def as_it_was(admin: HubClient) -> tuple[int, Any]:
    found = await on_hub(admin)
    return len(found.spec.plan), {
        name: value for name, value in found.metadata.annotations.items() if "ibgu.dev" in name
    }


@DIRECT
@pytest.mark.parametrize("args", RISKY, ids=" ".join)
async def test_without_a_terminal_nothing_is_done(
    ibgu: Ibgu,
    made: Made,
    journal: Journal,
    admin: HubClient,
    args: tuple[str, ...],
    direct: tuple[str, ...],
) -> None:
    await fleet(journal, await made("Prep"), name="ran-x1")
    before = await as_it_was(admin)
    done = await ibgu(*args, *direct, user="olga")
    assert (done.exit_code, done.stdout) == (2, "")
    assert done.stderr.startswith("ibgu: ran-x1: nothing was done. This can't be undone. ")
    assert RISKY[args].lost in done.stderr
    assert "--yes" in done.stderr
    assert await as_it_was(admin) == before


@DIRECT
async def test_who_types_the_name_means_it(
    on_terminal: OnTerminal,
    made: Made,
    journal: Journal,
    admin: HubClient,
    direct: tuple[str, ...],
) -> None:
    await seen(journal, known(await made("Prep")))
    lost = RISKS[Action.ABORT].lost
    args = ("abort", "ran-x1", "--everybody", *direct)
    for typed in ("ran-x\n", "\n", "y\n", "\x03", "\x04"):
        wrong = await on_terminal(*args, types=typed)
        told = unwrapped(wrong.screen)
        assert wrong.exit_code == 1, told
        assert "Abort is step 2 of ran-x1; it starts when" in told
        assert "This can't be undone" in told
        assert lost in told
        assert "ibgu: nothing was done" in told
        assert "the same by hand" not in told
        assert len((await on_hub(admin)).spec.plan) == 1
    right = await on_terminal(*args, types="ran-x1\n")
    assert right.exit_code == 0, right.screen
    assert lost in unwrapped(right.screen)
    assert (await on_hub(admin)).spec.plan[1].actions == ["Abort"]
    # What is there already is not asked about again.
    again = await on_terminal(*args)
    assert (again.exit_code, again.screen) == (0, "Abort is the plan's last step already\n")


@pytest.mark.usefixtures("clusters")
async def test_for_how_many_clusters_is_said(
    on_terminal: OnTerminal, made: Made, journal: Journal
) -> None:
    names = LabelSelector(match_expressions=[LabelRequirement("name", "In", ["x1-a", "x1-c"])])
    one = known(await made("Prep"))
    spec = replace(one.spec, plan=one.spec.plan[:1], cluster_label_selectors=[names])
    await seen(journal, replace(one, spec=spec))
    asked = await on_terminal("abort", "ran-x1", "--everybody", types="no\n")
    assert "This can't be undone for 2 clusters." in unwrapped(asked.screen)


async def test_a_mistake_is_refused_before_a_name_is_typed(
    on_terminal: OnTerminal, made: Made, journal: Journal
) -> None:
    await seen(journal, known(await made("Prep", "Upgrade")))
    refused = await on_terminal("abort", "ran-x1", "--everybody")
    assert refused.exit_code == 1
    assert "Abort may not follow [Prep][Upgrade]" in unwrapped(refused.screen)
    assert "type the rollout's name" not in refused.screen


async def test_scripts_mean_it_and_their_log_says_what_is_lost(
    ibgu: Ibgu, made: Made, journal: Journal, admin: HubClient
) -> None:
    await seen(journal, known(await made("Prep")))
    tried = await ibgu("abort", "ran-x1", "--everybody", "--dry-run", user="olga")
    assert tried.exit_code == 0, tried.output
    assert f"This can't be undone. {RISKS[Action.ABORT].lost}\n" in tried.stdout
    done = await ibgu("abort", "ran-x1", "--everybody", "--yes", user="olga")
    assert done.exit_code == 0, done.output
    assert done.stderr == f"This can't be undone. {RISKS[Action.ABORT].lost}\n"
    assert len((await on_hub(admin)).spec.plan) == 2


async def test_what_can_be_undone_asks_nothing(
    ibgu: Ibgu, made: Made, journal: Journal, admin: HubClient
) -> None:
    await fleet(journal, await made("Prep"), name="ran-x1")
    for args in (("pause", "ran-x1"), ("resume", "ran-x1"), ("add-step", "ran-x1", "upgrade")):
        done = await ibgu(*args, user="olga")
        assert (done.exit_code, done.stderr) == (0, ""), done.output
    assert (await on_hub(admin)).spec.plan[1].actions == ["Upgrade"]
    unknown = await ibgu("add-step", "ran-x1", "Upgrde", user="olga")
    assert unknown.exit_code == 2
    assert "'Upgrde' is unknown: do you mean Upgrade?" in unknown.stderr
