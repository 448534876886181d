"""Lines that are printed as the same by hand do the same, by the real kubectl."""

import asyncio
import shlex
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from ibgu.core.drivers.ibu.actions import Action
from ibgu.core.model import Cause, StepState
from ibgu.db import Journal
from ibgu.hub import paths
from ibgu.hub.client import HubClient
from ibgu.sandbox.hub import SandboxHub
from ibgu.sandbox.kubectl import Kubectl
from tests.api.fleet import failed, open_step, put, seen
from tests.api.test_changes import Post, admin, clusters, ibgus, known, made, on_hub, post
from tests.db.records import step

__all__ = ["admin", "clusters", "made", "post"]
Line = Callable[..., Awaitable[str]]


@pytest.fixture
def by_hand(post: Post, sandbox_hub: SandboxHub) -> Line:
    """Asks for a change without having it done, and does it by the line that is shown."""

    async def run(what: str, body: Any = None) -> str:
        answer = await post("olga", what, body, dryRun="true")
        assert answer.status_code == 202, answer.text
        line, _, manifest = answer.json()["kubectl"].partition(" <<'EOF'\n")
        program, *words = shlex.split(line)
        assert program == "kubectl"
        stdin = manifest.removesuffix("EOF")
        return await asyncio.to_thread(Kubectl(sandbox_hub), *words, user="olga", stdin=stdin)

    return run


@pytest.mark.usefixtures("clusters")
async def test_printed_kubectl_commands_make_the_same_change(
    by_hand: Line,
    made: Callable[..., Awaitable[str]],
    journal: Journal,
    admin: HubClient,
) -> None:
    one = known(await made("Prep"))
    await seen(journal, one)
    running = await open_step(journal, step(one, 0, Action.PREP, state=StepState.RUNNING, total=2))
    refused = failed(running, "x1-a", 0, "no", cause=Cause.PAYLOAD_REFUSED)
    await put(journal, refused)
    await by_hand("pause", {"why": 'it\'s "late", $HOME'})
    assert (await on_hub(admin)).metadata.annotations == {
        "x.lca.openshift.io/y": "1",
        "ibgu.dev/pause": 'olga: it\'s "late", $HOME',
    }
    await by_hand("resume")
    marks = (await on_hub(admin)).metadata.annotations
    assert marks.pop("ibgu.dev/resumed-by").startswith("olga ")
    assert marks == {"x.lca.openshift.io/y": "1"}
    await by_hand("steps", {"actions": ["Upgrade"], "timeout": 90})
    plan = (await on_hub(admin)).spec.plan
    assert [item.actions for item in plan] == [["Prep"], ["Upgrade"]]
    assert plan[1].rollout_strategy.timeout == 90
    await by_hand("retry")
    (new,) = [each for each in await ibgus(admin) if each.metadata.name != "ran-x1"]
    assert [item.actions for item in new.spec.plan] == [["Prep"], ["Upgrade"]]
    await admin.request("DELETE", paths.ibgu("default", new.metadata.name))
    await by_hand("cancel")
    (new,) = [each for each in await ibgus(admin) if each.metadata.name != "ran-x1"]
    assert [item.actions for item in new.spec.plan] == [["Abort"]]
