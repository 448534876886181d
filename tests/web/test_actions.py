"""Changes from the page: told before they are made, made on the hub with the caller's rights."""

import json
import re
from typing import Any

import pytest
from playwright.async_api import Locator, expect

from ibgu.core.model import RolloutState, StepState
from ibgu.sandbox.kubectl import Kubectl
from tests.web.conftest import SESSION, Look
from tests.web.fleet import MINUTE, succeeded, waiting

pytestmark = [pytest.mark.hub, SESSION]


def manifest(name: str) -> dict[str, Any]:
    strategy = {"maxConcurrency": 10, "timeout": 240}
    return {
        "apiVersion": "lcm.openshift.io/v1alpha1",
        "kind": "ImageBasedGroupUpgrade",
        "metadata": {"name": name, "namespace": "default"},
        "spec": {
            "ibuSpec": {"seedImageRef": {"image": "quay.example/seed:4.17.2", "version": "4.17.2"}},
            "clusterLabelSelectors": [{"matchLabels": {"no": "cluster"}}],
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
    found = await story.rollout(uid, ["Prep"], name=name, state=state, **times)
    done = {"state": StepState.FINISHED, "finished_at": story.now} if over else {}
    step = await story.step(found, 0, 5, **done)
    began = story.now - 9 * MINUTE
    for n in range(5):
        each = succeeded(step, first + n, n, began, 8 * MINUTE)
        await story.put(each if over else waiting(step, first + n, n, began))


async def opened(look: Look, name: str, button: str, user: str = "olga") -> Locator:
    page = await look.open(f"#/r/default/{name}", user=user)
    await page.get_by_role("group", name="Actions").get_by_role("button", name=button).click()
    return page.get_by_role("dialog")


async def test_a_pause_is_told_and_then_made(look: Look) -> None:
    await made(look, "ran-pause", 6000)
    dialog = await opened(look, "ran-pause", "Pause")
    await expect(dialog).to_contain_text("nothing new starts")
    await expect(dialog.locator("code")).to_contain_text("ibgu.dev/pause")
    assert not paused(look, "ran-pause")
    await look.keep("pause")
    await dialog.get_by_role("button", name="Do it").click()
    await expect(dialog.get_by_role("status")).to_contain_text(
        re.compile(r"^Done\. .*ran-pause is paused")
    )
    assert paused(look, "ran-pause")
    await dialog.get_by_role("button", name="Close").click()
    await expect(dialog).to_have_count(0)
    assert look.errors == []


async def test_a_step_is_previewed_before_it_is_appended(look: Look) -> None:
    await made(look, "ran-step", 6100, over=True)
    dialog = await opened(look, "ran-step", "Add step")
    await dialog.get_by_role("radio", name="Upgrade", exact=True).check()
    await dialog.get_by_label("At a time (slots)").fill("3")
    preview = dialog.get_by_role("region", name="Preview")
    await expect(preview).to_contain_text("Step 2, Upgrade:")
    await expect(dialog.locator("code")).to_contain_text('"maxConcurrency":3')
    await look.keep("preview")
    assert len(of_hub(look, "ran-step")["spec"]["plan"]) == 1
    await dialog.get_by_role("button", name="Do it").click()
    await expect(dialog.get_by_role("status")).to_contain_text("Upgrade")
    plan = of_hub(look, "ran-step")["spec"]["plan"]
    assert plan[1:] == [
        {"actions": ["Upgrade"], "rolloutStrategy": {"maxConcurrency": 3, "timeout": 600}}
    ]


async def test_what_the_state_does_not_allow_says_why(look: Look) -> None:
    page = await look.open("#/r/default/edge-416", user="olga")
    skip = page.get_by_role("button", name="Skip waiting")
    await expect(skip).to_have_attribute("aria-disabled", "true")
    await skip.press("Enter")
    await expect(page.locator(".actions [role=status]")).to_contain_text("Skip waiting: ")
    await expect(page.get_by_role("dialog")).to_have_count(0)


async def test_what_the_hub_does_not_allow_is_told(look: Look) -> None:
    await made(look, "ran-read", 6200)
    dialog = await opened(look, "ran-read", "Pause", user="alice")
    button = dialog.get_by_role("button", name="Do it")
    await expect(button.or_(dialog.get_by_role("alert")).first).to_be_enabled()
    if await button.is_enabled():
        await button.click()
    await expect(dialog.get_by_role("alert")).to_contain_text("alice")
    assert not paused(look, "ran-read")
