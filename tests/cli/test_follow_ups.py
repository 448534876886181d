"""`ibgu cancel`, `rollback` and `finalize`: shown, confirmed, made, followed."""

import asyncio
import json
from collections.abc import Awaitable, Callable

import pytest
import typer

from ibgu.cli.change import following
from ibgu.cli.change.confirming import ChangeQuery
from ibgu.client import Client, RestError
from ibgu.client.responses import FollowUpResponse, PreviewResponse
from ibgu.core.drivers import traits
from ibgu.core.drivers.ibu.actions import Action
from ibgu.db import Journal
from ibgu.hub.client import HubClient
from tests.api.test_changes import admin, ibgus, made, on_hub
from tests.api.test_follow_ups import created, labelled, over, selected, upgrading
from tests.cli.conftest import Ibgu
from tests.cli.terminal import OnTerminal, on_terminal
from tests.cli.test_changes import log
from tests.cli.test_confirming import CREATED_AGAIN, created_again_meanwhile, unwrapped

__all__ = ["admin", "labelled", "log", "made", "on_terminal"]
pytestmark = pytest.mark.usefixtures("labelled")
Made = Callable[..., Awaitable[str]]
LOST = traits(Action.ABORT).risk.lost
SENDS = ChangeQuery(dry_run=False, uid=None)


async def test_a_cancellation_is_shown_before_it_is_made(
    ibgu: Ibgu, made: Made, journal: Journal, admin: HubClient
) -> None:
    await upgrading(journal, await made("Prep", "Upgrade"))
    tried = await ibgu("cancel", "ran-x1", "--dry-run", user="olga")
    assert tried.exit_code == 0, tried.output
    lines = tried.stdout.splitlines()
    assert lines[0].startswith(
        "dry run, nothing was changed; without --dry-run: Abort for 4 clusters of ran-x1, by the "
        "new rollout ran-x1-cancel-"
    )
    assert lines[1:3] == [
        "selects 4 clusters",
        "step 1 Abort  4 clusters in 2 waves of 2 · 120 min a site · not measured here yet",
    ]
    assert f"This can't be undone for 4 clusters. {LOST}" in lines
    assert "kubectl create -f - <<'EOF'" in lines
    blind = await ibgu("cancel", "ran-x1", user="olga")
    assert (blind.exit_code, blind.stdout) == (2, "")
    assert "use --yes to confirm" in blind.stderr
    assert len(await ibgus(admin)) == 1
    done = await ibgu("cancel", "ran-x1", "--waiting", "--yes", "--no-wait", user="olga")
    assert done.exit_code == 0, done.output
    assert done.stdout.startswith("Abort for 1 cluster of ran-x1, by the new rollout ran-x1-cancel")
    assert done.stderr == f"This can't be undone for 1 cluster. {LOST}\n"
    assert selected(created(await ibgus(admin))) == ["x2-waits"]


@pytest.mark.parametrize(
    ("args", "word"),
    [
        (("cancel", "ran-x1", "--failed", "-l", "ring=f"), "cancel"),
        (("rollback", "ran-x1", "x2-upgraded", "--finalize"), "rollback"),
        (("finalize", "ran-x1", "x2-upgraded", "--max-concurrency", "3"), "finalize"),
    ],
)
async def test_json_output_is_the_answer_of_the_api(
    ibgu: Ibgu,
    made: Made,
    journal: Journal,
    admin: HubClient,
    args: tuple[str, ...],
    word: str,
) -> None:
    await over(journal, await made("Prep", "Upgrade"), "Prep", "Upgrade")
    done = await ibgu(*args, "--yes", "-o", "json", user="olga")
    assert done.exit_code == 0, done.output
    answer = json.loads(done.stdout)
    assert answer["rollout"] == created(await ibgus(admin)).metadata.name
    assert answer["rollout"].startswith(f"ran-x1-{word}-")
    assert answer["preview"]["steps"][0]["clusters"] == answer["clusters"] == 1


async def test_typing_the_name_confirms_the_follow_up_and_follows_it(
    on_terminal: OnTerminal, made: Made, journal: Journal, admin: HubClient
) -> None:
    uid = await made("Prep", "Upgrade")
    await over(journal, uid, "Prep", "Upgrade")
    wrong = await on_terminal("finalize", "ran-x1", types="ran\n")
    told = unwrapped(wrong.screen)
    assert wrong.exit_code == 1, told
    assert "FinalizeUpgrade for 1 cluster of ran-x1, as the next step of its plan" in told
    assert "step 3 FinalizeUpgrade 1 cluster in 1 wave" in told
    assert "This can't be undone for 1 cluster." in told
    assert len((await on_hub(admin)).spec.plan) == 2

    async def carries_it_out() -> None:
        """Does what the controller would, which does not run here."""
        while len((await on_hub(admin)).spec.plan) == 2:  # noqa: ASYNC110
            await asyncio.sleep(0.2)
        await over(journal, uid, "Prep", "Upgrade", "FinalizeUpgrade")

    async with asyncio.TaskGroup() as group:
        group.create_task(carries_it_out())
        right = await on_terminal("finalize", "ran-x1", types="ran-x1\n")
        assert right.exit_code == 0, right.screen
    assert "ran-x1" in right.screen.rpartition("type the rollout's name")[2]
    assert len((await on_hub(admin)).spec.plan) == 3


async def test_clusters_of_a_rollout_that_is_created_again_meanwhile_stay_as_they_are(
    ibgu: Ibgu,
    made: Made,
    journal: Journal,
    admin: HubClient,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    await upgrading(journal, await made("Prep", "Upgrade"))
    created_again_meanwhile(monkeypatch, admin, made, "Prep", "Upgrade")
    refused = await ibgu("cancel", "ran-x1", "--no-wait", user="olga")
    assert refused.exit_code == 1
    assert refused.stderr.endswith(CREATED_AGAIN)
    assert [each.metadata.name for each in await ibgus(admin)] == ["ran-x1"]


async def test_an_impossible_follow_up_is_refused_before_confirmation(
    on_terminal: OnTerminal, made: Made, journal: Journal
) -> None:
    await over(journal, await made("Prep"), "Prep")
    refused = await on_terminal("cancel", "ran-x1", "x2-upgraded")
    assert refused.exit_code == 1
    assert "x2-upgraded (upgraded already: roll it back" in unwrapped(refused.screen)
    assert "type the rollout's name" not in refused.screen


def answer(lost: str, clusters: int = 3) -> FollowUpResponse:
    preview = PreviewResponse(selected=clusters)
    danger = "destructive" if lost else "reversible"
    return FollowUpResponse(
        done="done", danger=danger, lost=lost, clusters=clusters, preview=preview
    )


def test_more_clusters_than_were_confirmed_stop_the_change(
    capsys: pytest.CaptureFixture[str],
) -> None:
    following.require_shown(answer(LOST), answer(LOST, 2))
    for more in (answer(LOST, 4), answer("Something else.")):
        with pytest.raises(typer.Exit) as ended:
            following.require_shown(answer(LOST), more)
        assert ended.value.exit_code == 1
    told = capsys.readouterr().err
    assert "nothing was done: it would be for 4 clusters instead of 3 by now" in told
    said = (
        "nothing was done: the rollout has changed meanwhile. This can't be undone. Something else."
    )
    assert said in told


def test_a_second_request_that_would_lose_more_is_not_sent(
    capsys: pytest.CaptureFixture[str],
) -> None:
    first = answer(f"{LOST} The failed clusters go through FinalizeUpgrade.")
    for foreseen in ("", "The failed clusters go through FinalizeUpgrade."):
        assert following.foreseen("ran-x1", first, answer(foreseen)) is False
    with pytest.raises(typer.Exit):
        following.foreseen("ran-x1", answer(LOST), answer("They go through FinalizeUpgrade."))
    assert "aborted, and not retried" in capsys.readouterr().err


async def test_cancel_refuses_two_scopes(ibgu: Ibgu) -> None:
    both = await ibgu("cancel", "ran-x1", "--waiting", "--failed")
    assert both.exit_code == 2


def test_a_retry_waits_until_the_labels_of_the_aborted_are_removed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(following, "REFRESH_SECONDS", 0.0)
    codes = ["labels-pending", "labels-pending", "not-now"]

    def ask(client: Client, namespace: str, query: ChangeQuery) -> FollowUpResponse:
        raise RestError("no", 409, codes.pop(0))

    client = Client("http://127.0.0.1:1", "token")
    with pytest.raises(RestError) as error:
        following.ask_until_labels_removed(ask, client, "default", SENDS)
    assert (error.value.code, codes) == ("not-now", [])
    codes = ["labels-pending", "not-now"]
    monkeypatch.setattr(following, "WAIT_SECONDS", -1.0)
    with pytest.raises(RestError) as error:
        following.ask_until_labels_removed(ask, client, "default", SENDS)
    assert (error.value.code, codes) == ("labels-pending", ["not-now"])
