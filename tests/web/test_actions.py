"""Changes from the page: told before they are made, made on the hub with the caller's rights."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.async_api import Locator, expect

from ibgu.core.model import RolloutState, StepState
from ibgu.sandbox.kubectl import Kubectl
from tests.web.conftest import SESSION, Look, Site
from tests.web.fleet import MINUTE, PULL, failed, name, succeeded, waiting

pytestmark = [pytest.mark.hub, SESSION]


FLEET = {"matchLabels": {"fleet": "page"}}


@pytest.fixture
def clusters(site: Site) -> Iterator[None]:
    """Those that the rollouts select: one has failed, one is not accepted."""
    kubectl = Kubectl(site.hub)
    for number in range(6100, 6105):
        outcome = "failed" if number == 6103 else "completed"
        labels = FLEET["matchLabels"] | {f"lcm.openshift.io/ibgu-prep-{outcome}": ""}
        kubectl.apply(
            {
                "apiVersion": "cluster.open-cluster-management.io/v1",
                "kind": "ManagedCluster",
                "metadata": {"name": name(number), "labels": labels},
                "spec": {"hubAcceptsClient": number != 6104},
            }
        )
    yield
    kubectl("delete", "managedclusters", "-l", "fleet=page")


def manifest(name: str) -> dict[str, Any]:
    strategy = {"maxConcurrency": 10, "timeout": 240}
    return {
        "apiVersion": "lcm.openshift.io/v1alpha1",
        "kind": "ImageBasedGroupUpgrade",
        "metadata": {"name": name, "namespace": "default"},
        "spec": {
            "ibuSpec": {"seedImageRef": {"image": "quay.example/seed:4.17.2", "version": "4.17.2"}},
            "clusterLabelSelectors": [FLEET],
            "plan": [{"actions": ["Prep"], "rolloutStrategy": strategy}],
        },
    }


def of_hub(look: Look, name: str) -> Any:
    """The IBGU as it is."""
    return json.loads(Kubectl(look.site.hub)("get", "ibgu", name, "-n", "default", "-o", "json"))


def paused(look: Look, name: str) -> bool:
    return "ibgu.dev/pause" in of_hub(look, name)["metadata"].get("annotations", {})


async def made(look: Look, name: str, first: int, *, over: bool = False) -> None:
    """On the hub, and in the journal as if a controller had seen it."""
    Kubectl(look.site.hub).apply(manifest(name))
    story = look.site.story()
    state = RolloutState.COMPLETE if over else RolloutState.RUNNING
    times = {"completed_at": story.now} if over else {}
    uid = of_hub(look, name)["metadata"]["uid"]
    found = await story.rollout(uid, ["Prep"], name=name, state=state, fleet=FLEET, **times)
    done = {"state": StepState.FINISHED, "finished_at": story.now} if over else {}
    step = await story.step(found, 0, 5, **done)
    began = story.now - 9 * MINUTE
    for n in range(5):
        each = succeeded(step, first + n, n, began, 8 * MINUTE)
        if n == 3:
            each = failed(step, first + n, n, began, 8 * MINUTE, PULL)
        await story.put(each if over else waiting(step, first + n, n, began))


async def opened(look: Look, name: str, button: str, user: str = "olga") -> Locator:
    page = await look.open(f"#/r/default/{name}", user=user)
    await page.get_by_role("group", name="Actions").get_by_role("button", name=button).click()
    return page.get_by_role("dialog")


async def test_a_pause_is_told_and_then_made(look: Look) -> None:
    await made(look, "ran-419", 6000)
    dialog = await opened(look, "ran-419", "Pause")
    await expect(dialog).to_contain_text("nothing new starts")
    await expect(dialog.locator("code")).to_contain_text("ibgu.dev/pause")
    assert not paused(look, "ran-419")
    await look.keep("pause", 900)
    await dialog.get_by_role("button", name="Do it").click()
    await expect(dialog.get_by_role("status")).to_contain_text(
        re.compile(r"^Done\. .*ran-419 is paused")
    )
    assert paused(look, "ran-419")
    await dialog.get_by_role("button", name="Close").click()
    await expect(dialog).to_have_count(0)
    assert look.errors == []


async def test_a_step_is_previewed_before_it_is_appended(look: Look, clusters: None) -> None:
    await made(look, "ran-420", 6100, over=True)
    dialog = await opened(look, "ran-420", "Add step")
    await dialog.get_by_role("radio", name="Upgrade", exact=True).check()
    await dialog.get_by_label("At a time (slots)").fill("3")
    preview = dialog.get_by_role("region", name="Preview")
    await expect(preview).to_contain_text("Step 2, Upgrade: 3 clusters in 1 wave of 3")
    await expect(preview).to_contain_text("2 clusters left out")
    await expect(dialog.locator("code")).to_contain_text('"maxConcurrency":3')
    await look.keep("preview", 900)
    assert len(of_hub(look, "ran-420")["spec"]["plan"]) == 1
    await dialog.get_by_role("button", name="Do it").click()
    await expect(dialog.get_by_role("status")).to_contain_text("Upgrade")
    plan = of_hub(look, "ran-420")["spec"]["plan"]
    assert plan[1:] == [
        {"actions": ["Upgrade"], "rolloutStrategy": {"maxConcurrency": 3, "timeout": 600}}
    ]


async def test_the_failed_are_aborted_after_three_clicks(look: Look, clusters: None) -> None:
    await made(look, "ran-422", 6100, over=True)
    dialog = await opened(look, "ran-422", "Abort failed")
    await expect(dialog).to_contain_text("Step 2, AbortOnFailure: 1 cluster in 1 wave")
    await expect(dialog).to_contain_text("AbortOnFailure is step 2 of ran-422")
    await dialog.get_by_role("button", name="Do it").click()
    await expect(dialog.get_by_role("status")).to_contain_text("AbortOnFailure")
    plan = of_hub(look, "ran-422")["spec"]["plan"]
    assert [item["actions"] for item in plan] == [["Prep"], ["AbortOnFailure"]]
    assert look.errors == []


async def test_what_the_state_does_not_allow_says_why(look: Look) -> None:
    page = await look.open("#/r/default/edge-416", user="olga")
    skip = page.get_by_role("button", name="Skip waiting")
    await expect(skip).to_have_attribute("aria-disabled", "true")
    await skip.press("Enter")
    await expect(page.locator(".actions [role=status]")).to_contain_text("Skip waiting: ")
    await expect(page.get_by_role("dialog")).to_have_count(0)


async def test_what_the_caller_may_not_says_which_right_is_missing(look: Look) -> None:
    await made(look, "ran-421", 6200)
    page = await look.open("#/r/default/ran-421", user="alice")
    pause = page.get_by_role("button", name="Pause")
    await expect(pause).to_have_attribute("aria-disabled", "true")
    await pause.press("Enter")
    await expect(page.locator(".actions [role=status]")).to_have_text(
        "Pause: you may not patch imagebasedgroupupgrades in namespace default"
    )
    await expect(page.get_by_role("dialog")).to_have_count(0)
    assert not paused(look, "ran-421")
