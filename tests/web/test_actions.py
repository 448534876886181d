"""Changes from the page: told before they are made, made on the hub with the caller's rights."""

import asyncio
import json
import re
from typing import Any

import pytest
from axe_playwright_python.async_playwright import Axe
from msgspec.structs import replace
from playwright.async_api import Locator, Route, expect

from ibgu.core.drivers.ibu.actions import Action
from ibgu.core.model import (
    ActingParty,
    Cause,
    Kind,
    OnRollout,
    OnStep,
    Reason,
    ReasonKind,
    RolloutState,
    StepState,
)
from ibgu.db.labels import seen
from ibgu.sandbox.kubectl import Kubectl
from tests.web.conftest import SESSION, Tab
from tests.web.fleet import (
    FLEET,
    MINUTE,
    MONITOR,
    PULL,
    RESTORE,
    failed,
    name,
    running,
    succeeded,
    waiting,
)
from tests.web.test_accessible import told

pytestmark = SESSION


def manifest(name: str, action: str = "Prep") -> dict[str, Any]:
    strategy = {"maxConcurrency": 10, "timeout": 240}
    return {
        "apiVersion": "lcm.openshift.io/v1alpha1",
        "kind": "ImageBasedGroupUpgrade",
        "metadata": {"name": name, "namespace": "default"},
        "spec": {
            "ibuSpec": {"seedImageRef": {"image": "quay.example/seed:4.17.2", "version": "4.17.2"}},
            "clusterLabelSelectors": [FLEET],
            "plan": [{"actions": [action], "rolloutStrategy": strategy}],
        },
    }


def of_hub(look: Tab, name: str) -> Any:
    """The IBGU as it is."""
    return json.loads(Kubectl(look.site.hub)("get", "ibgu", name, "-n", "default", "-o", "json"))


def paused(look: Tab, name: str) -> bool:
    return "ibgu.dev/pause" in of_hub(look, name)["metadata"].get("annotations", {})


async def made(
    look: Tab,
    name: str,
    first: int,
    *,
    over: bool = False,
    hold: Reason | None = None,
    newest: bool = False,
    failure: Cause = Cause.PREP_FAILED,
    kept: Reason | None = None,
) -> None:
    """Makes the rollout on the hub, and in the journal as if a controller had seen it: its step is
    over when its clusters are, as an API that counts one does so only once."""
    Kubectl(look.site.hub).apply(manifest(name))
    story = look.site.story()
    state = RolloutState.COMPLETE if over else RolloutState.RUNNING
    times = {"completed_at": story.now} if over else {}
    if newest:
        times["created_at"] = story.now
    uid = of_hub(look, name)["metadata"]["uid"]
    found = await story.rollout(
        uid, ["Prep"], name=name, state=state, fleet=FLEET, hold=hold, **times
    )
    step = await story.step(found, 0, 5)
    began = story.now - 9 * MINUTE
    for n in range(5):
        each = succeeded(step, first + n, n, began, 8 * MINUTE)
        if n == 3:
            each = failed(step, first + n, n, began, 8 * MINUTE, PULL)
            if failure is Cause.ABORT_FAILED:
                each = replace(each, cause=failure, failed_action=Action.ABORT)
        waits = waiting(step, first + n, n, began)
        await story.put(each if over else replace(waits, reason=kept or waits.reason))
    if over:
        ended = replace(step, state=StepState.FINISHED, finished_at=story.now)
        await story.tell(OnStep(Kind.STEP_FINISHED, ended, "all its clusters are over"))


async def opened(look: Tab, name: str, button: str, user: str = "olga") -> Locator:
    page = await look.open(f"#/r/default/{name}", user=user)
    await page.get_by_role("group", name="Actions").get_by_role("button", name=button).click()
    return page.get_by_role("dialog")


async def test_an_approval_is_given_for_what_clusters_wait_for(look: Tab) -> None:
    words = "1 person must approve the rest of step 1 behind its canaries"
    kept = Reason(
        ReasonKind.GATE,
        look.site.story().now,
        words,
        who=ActingParty.PERSON,
        gate="RolloutPolicy/nights",
        approval="Rest",
    )
    await made(look, "ran-474", 6970, kept=kept)
    dialog = await opened(look, "ran-474", "Approve…", user="nora")
    await expect(dialog).to_contain_text("nora approves the rest of step 1")
    await dialog.get_by_label("Comment").fill("the canaries look good")
    await look.keep("approve", 900)
    await dialog.get_by_role("button", name="Approve the rest of step 1").click()
    await expect(dialog.get_by_role("status")).to_contain_text("Done.")
    found = Kubectl(look.site.hub)("get", "rolloutapprovals", "-n", "default", "-o", "json")
    (spec,) = [
        each["spec"]
        for each in json.loads(found)["items"]
        if each["spec"]["rollout"]["name"] == "ran-474"
    ]
    assert (spec["user"], spec["step"], spec["before"], spec["comment"]) == (
        *("nora", 1, "Rest", "the canaries look good"),
    )


async def test_an_approval_of_what_cannot_be_undone_asks_for_the_name(look: Tab) -> None:
    name, action = "ran-476", Action.FINALIZE_UPGRADE
    Kubectl(look.site.hub).apply(manifest(name, action))
    story = look.site.story()
    uid = of_hub(look, name)["metadata"]["uid"]
    found = await story.rollout(uid, [action, action], name=name, fleet=FLEET)
    step = await story.step(found, 0, 1)
    kept = Reason(ReasonKind.GATE, story.now, "words", who=ActingParty.PERSON, approval=action)
    waits = replace(waiting(step, 6975, 0, story.now), reason=kept)
    await story.put(waits)
    dialog = await opened(look, name, "Approve…", user="nora")
    await expect(dialog.locator(".confirm")).to_contain_text(
        "The clusters may go on with FinalizeUpgrade."
    )
    button = dialog.get_by_role("button", name="Approve FinalizeUpgrade of step 1")
    await expect(button).to_have_attribute("aria-disabled", "true")
    await dialog.get_by_label("To confirm").fill(name)
    await expect(button).not_to_have_attribute("aria-disabled", "true")
    # Somebody else was first.
    await story.put(replace(waits, reason=Reason(ReasonKind.SLOT, story.now, "waits for a slot")))
    await expect(dialog.get_by_role("status")).to_have_text("This approval is no longer needed.")
    # Clusters of the next step wait for the same.
    following = await story.step(found, 1, 1)
    await story.put(replace(waiting(following, 6975, 0, story.now), reason=kept))
    choice = dialog.get_by_label("FinalizeUpgrade of step 2")
    await expect(choice).not_to_be_checked()
    await choice.check()
    await expect(
        dialog.get_by_role("button", name="Approve FinalizeUpgrade of step 2")
    ).to_be_visible()
    assert look.errors == []


async def test_nobody_approves_where_no_cluster_waits_for_it(look: Tab) -> None:
    await made(look, "ran-475", 6960)
    page = await look.open("#/r/default/ran-475", user="nora")
    actions = page.get_by_role("group", name="Actions")
    await expect(actions.get_by_role("button", name="Pause")).to_be_visible()
    await expect(actions.get_by_role("button", name="Approve")).to_have_count(0)


async def test_a_pause_is_shown_before_it_is_made(look: Tab) -> None:
    await made(look, "ran-419", 6000)
    dialog = await opened(look, "ran-419", "Pause")
    await expect(dialog).to_contain_text("nothing new starts")
    await expect(dialog.locator("code")).to_contain_text("ibgu.dev/pause")
    assert not paused(look, "ran-419")
    await look.keep("pause", 900)
    await dialog.get_by_role("button", name="Pause ran-419").click()
    await expect(dialog.get_by_role("status")).to_contain_text(
        re.compile(r"^Done\. .* pauses ran-419: nothing new starts")
    )
    assert paused(look, "ran-419")
    await dialog.get_by_role("button", name="Close").click()
    await expect(dialog).to_have_count(0)
    assert look.errors == []


async def test_a_pause_from_the_page_has_the_reason_that_everyone_sees(look: Tab) -> None:
    await made(look, "ran-477", 6980)
    dialog = await opened(look, "ran-477", "Pause")
    await dialog.get_by_label("Why (everyone sees it)").fill("storage work until noon")
    await expect(dialog.locator("code").first).to_contain_text("olga: storage work until noon")
    await dialog.get_by_role("button", name="Pause ran-477").click()
    await expect(dialog.get_by_role("status")).to_contain_text("Done.")
    found = of_hub(look, "ran-477")["metadata"]["annotations"]["ibgu.dev/pause"]
    assert found == "olga: storage work until noon"
    assert look.errors == []


async def test_a_step_is_previewed_before_it_is_appended(look: Tab, clusters: None) -> None:
    await made(look, "ran-420", 6100, over=True)
    dialog = await opened(look, "ran-420", "Add step")
    await dialog.get_by_role("radio", name="Upgrade", exact=True).check()
    await dialog.get_by_label("Clusters at a time (slots)").fill("3")
    preview = dialog.get_by_role("region", name="Preview")
    await expect(preview).to_contain_text("Step 2, Upgrade: 3 clusters in 1 wave of 3")
    await expect(preview).to_contain_text("2 clusters left alone")
    await expect(dialog.locator("code")).to_contain_text('"maxConcurrency":3')
    await look.keep("preview", 900)
    assert len(of_hub(look, "ran-420")["spec"]["plan"]) == 1
    await dialog.get_by_role("button", name="Upgrade on 3 clusters").click()
    await expect(dialog.get_by_role("status")).to_contain_text("Done. Upgrade")
    plan = of_hub(look, "ran-420")["spec"]["plan"]
    assert plan[1:] == [
        {"actions": ["Upgrade"], "rolloutStrategy": {"maxConcurrency": 3, "timeout": 240}}
    ]


async def test_nothing_is_chosen_for_anybody(look: Tab, clusters: None) -> None:
    """An Enter in a dialog that has just opened adds no step: someone has to say which one."""
    await made(look, "ran-423", 6100, over=True)
    dialog = await opened(look, "ran-423", "Add step")
    radios = dialog.get_by_role("radio")
    await expect(radios).to_have_count(4)
    assert [await each.is_checked() for each in await radios.all()] == [False] * 4
    send = dialog.get_by_role("button", name="Add the step")
    await expect(send).to_have_attribute("aria-disabled", "true")
    await expect(send).to_have_accessible_description("Choose the step's actions.")
    await expect(dialog.locator("code")).to_have_count(0)
    rules = dialog.get_by_text("The rules for plans allow no")
    await expect(rules).to_contain_text("after Prep. Cancel… and Roll back… begin")
    await send.press("Enter")
    assert await choices(dialog) == [
        "Upgrade",
        "Upgrade + FinalizeUpgrade can't be undone",
        "Abort can't be undone",
        "AbortOnFailure can't be undone",
    ]
    assert len(of_hub(look, "ran-423")["spec"]["plan"]) == 1
    assert await violations_of(look) == []
    assert look.errors == []


async def test_a_fleet_update_promises_no_rollout_of_its_own(look: Tab) -> None:
    """Neither Cancel nor Roll back makes a second FleetUpdate."""
    story = look.site.story()
    await story.rollout("fleet-426", ["Update"], kind="FleetUpdate", fleet=FLEET)
    await made(look, "ran-498", 6100, over=True)
    for rollout, promised in (("fleet-426", False), ("ran-498", True)):
        dialog = await opened(look, rollout, "Add step")
        rules = dialog.get_by_text("The rules for plans allow no")
        await expect(rules).to_be_visible()
        assert ("begin a rollout of their own" in " ".join((await rules.inner_text()).split())) is (
            promised
        )


async def choices(dialog: Locator) -> list[str]:
    texts = await dialog.locator(".plans label").all_inner_texts()
    return [" ".join(each.split()) for each in texts]


async def test_the_end_of_the_way_back_asks_for_the_rollouts_name(
    look: Tab, clusters: None
) -> None:
    """FinalizeUpgrade behind an Upgrade, by keyboard alone."""
    await made(look, "ran-424", 6100, over=True)
    dialog = await opened(look, "ran-424", "Add step")
    await dialog.get_by_role("radio", name="Upgrade + FinalizeUpgrade").press(" ")
    told = dialog.locator(".confirm")
    await expect(told).to_contain_text("This can't be undone for 3 clusters.")
    await expect(told).to_contain_text("Rollback is no longer possible.")
    send = dialog.get_by_role("button", name="Upgrade, then finalize upgrade on 3 clusters")
    field = dialog.get_by_label("To confirm, type the rollout's name: ran-424")
    await expect(send).to_have_accessible_description("Type ran-424 to confirm.")
    await expect(send).to_have_css("background-color", "rgb(236, 239, 244)")
    await field.fill("ran-42")
    await send.press("Enter")
    await field.fill("ran-424")
    await expect(send).not_to_have_attribute("aria-disabled", "true")
    await expect(send).to_have_css("background-color", "rgb(180, 35, 24)")
    await expect(send).to_be_in_viewport(ratio=1)
    on_top = """e => { const at = e.getBoundingClientRect();
      return e === document.elementFromPoint(at.x + at.width / 2, at.y + at.height / 2); }"""
    assert [await each.evaluate(on_top) for each in (field, send)] == [True, True]
    await look.keep("confirm", 900)
    assert await violations_of(look) == []
    await dialog.get_by_role("radio", name="AbortOnFailure").press(" ")
    await expect(field).to_have_value("")
    assert len(of_hub(look, "ran-424")["spec"]["plan"]) == 1
    await dialog.get_by_role("radio", name="Upgrade + FinalizeUpgrade").press(" ")
    await field.fill("ran-424")
    await expect(send).not_to_have_attribute("aria-disabled", "true")
    await send.press("Enter")
    await expect(dialog.get_by_role("status")).to_contain_text("Done. Upgrade, FinalizeUpgrade")
    plan = of_hub(look, "ran-424")["spec"]["plan"]
    assert [item["actions"] for item in plan] == [["Prep"], ["Upgrade", "FinalizeUpgrade"]]
    assert look.errors == []


async def upgrading(look: Tab, name_: str, first: int, busy: int) -> None:
    """One cluster is upgraded, two have failed, and two, from number `busy`, are in flight."""
    body = manifest(name_)
    upgrade = body["spec"]["plan"][0] | {"actions": ["Upgrade"]}
    body["spec"]["plan"].append(upgrade)
    Kubectl(look.site.hub).apply(body)
    story = look.site.story()
    uid = of_hub(look, name_)["metadata"]["uid"]
    of = await story.rollout(uid, ["Prep", "Upgrade"], name=name_, fleet=FLEET)
    began = story.now - 30 * MINUTE
    prep = await story.step(of, 0, 5, state=StepState.FINISHED, finished_at=began)
    await story.put(*(succeeded(prep, first + n, n, began, 8 * MINUTE) for n in range(5)))
    step = await story.step(of, 1, 5)
    words = "Upgrade is in progress: restoring application data"
    await story.put(
        succeeded(step, first, 0, began, 17 * MINUTE),
        failed(step, first + 1, 1, began, 18 * MINUTE, MONITOR),
        failed(step, first + 2, 2, began, 19 * MINUTE, MONITOR),
        *(running(step, busy + n, n, n, began, ReasonKind.RUNNING, words) for n in (3, 4)),
    )


async def held_up(look: Tab, change: str) -> asyncio.Event:
    """Holds up requests for the change, until the event that it returns is set."""
    free = asyncio.Event()

    async def late(route: Route) -> None:
        await free.wait()
        await route.continue_()

    await look.page.route(f"**/{change}?*", late)
    return free


async def stays_while_it_is_checked(look: Tab, dialog: Locator, told: Locator) -> None:
    """The confirmation, whose place in the form must not jump, while other slots are tried."""
    answers = await held_up(look, "steps")
    async with look.page.expect_request("**/steps?*"):
        await dialog.get_by_label("Clusters at a time").fill("7")
    await expect(told).to_contain_text("This can't be undone")
    answers.set()


@pytest.mark.parametrize(
    ("rollout", "choice", "lost", "button"),
    [
        ("ran-471", "FinalizeUpgrade", "Rollback is no longer possible.", "Finalize upgrade on"),
        ("ran-472", "AbortOnFailure", "is deleted from each failed cluster", "Clean up"),
    ],
)
async def test_no_dangerous_step_is_preselected_during_an_upgrade(
    look: Tab, clusters: None, rollout: str, choice: str, lost: str, button: str
) -> None:
    """FinalizeUpgrade was preselected here, with a blue button."""
    kubectl = Kubectl(look.site.hub)
    for number, outcome in ((6100, "completed"), (6101, "failed"), (6102, "failed")):
        label = f"lcm.openshift.io/ibgu-upgrade-{outcome}="
        kubectl("label", "managedcluster", name(number), label)
    await upgrading(look, rollout, 6100, busy=6900 + int(rollout[-1]) * 10)
    dialog = await opened(look, rollout, "Add step")
    await expect(dialog.get_by_role("radio")).to_have_count(2)
    assert await choices(dialog) == [
        "FinalizeUpgrade can't be undone",
        "AbortOnFailure can't be undone",
    ]
    radios = await dialog.get_by_role("radio").all()
    assert [await each.is_checked() for each in radios] == [False, False]
    nothing = dialog.get_by_role("button", name="Add the step")
    await expect(nothing).to_have_accessible_description("Choose the step's actions.")
    await nothing.press("Enter")
    await dialog.get_by_role("radio", name=choice).press(" ")
    told = dialog.locator(".confirm")
    await expect(told).to_contain_text("This can't be undone for ")
    await expect(told).to_contain_text(lost)
    send = dialog.get_by_role("button", name=button)
    await expect(send).to_have_attribute("aria-disabled", "true")
    await expect(send).to_have_accessible_description(f"Type {rollout} to confirm.")
    await stays_while_it_is_checked(look, dialog, told)
    await expect(send).to_have_accessible_description(f"Type {rollout} to confirm.")
    await send.press("Enter")
    assert len(of_hub(look, rollout)["spec"]["plan"]) == 2
    await dialog.get_by_label("type the rollout's name").fill(rollout)
    await expect(send).not_to_have_attribute("aria-disabled", "true")
    await expect(send).to_have_css("background-color", "rgb(180, 35, 24)")
    await send.press("Enter")
    await expect(dialog.get_by_role("status")).to_contain_text(f"Done. {choice}")
    plan = of_hub(look, rollout)["spec"]["plan"]
    assert [item["actions"] for item in plan] == [["Prep"], ["Upgrade"], [choice]]
    assert look.errors == []


async def violations_of(look: Tab) -> list[str]:
    """Returns what axe-core has against the page with its dialog open."""
    return told((await Axe().run(look.page)).response)


async def test_a_resume_that_finalizes_asks_for_the_rollouts_name(look: Tab) -> None:
    """The circuit breaker has ended a FinalizeUpgrade: to resume it takes the way back from the
    others."""
    plan = manifest("ran-434")
    plan["spec"]["plan"][0]["actions"] = ["FinalizeUpgrade"]
    Kubectl(look.site.hub).apply(plan)
    story = look.site.story()
    uid = of_hub(look, "ran-434")["metadata"]["uid"]
    of = await story.rollout(uid, ["FinalizeUpgrade"], name="ran-434", fleet=FLEET)
    hold = Reason(
        ReasonKind.CIRCUIT_BREAKER,
        story.now,
        "5 clusters in a row have failed",
        None,
        ActingParty.PERSON,
    )
    step = await story.step(of, 0, 3, hold=hold)
    await story.put(*(waiting(step, 6900 + n, n, story.now) for n in range(3)))
    checked = await held_up(look, "resume")
    dialog = await opened(look, "ran-434", "Resume")
    told = dialog.locator(".confirm")
    await expect(told).to_contain_text("ibgu is checking what would be lost.")
    await dialog.get_by_label("type the rollout's name").press_sequentially("ran-434")
    await expect(dialog.get_by_label("type the rollout's name")).to_have_value("")
    checked.set()
    await expect(told).to_contain_text("This can't be undone for 3 clusters.")
    await expect(told).to_contain_text("The rollout goes on with FinalizeUpgrade.")
    send = dialog.get_by_role("button", name="Resume ran-434")
    await expect(send).to_have_accessible_description("Type ran-434 to confirm.")
    await send.press("Enter")
    assert "ibgu.dev/resume" not in of_hub(look, "ran-434")["metadata"].get("annotations", {})
    await dialog.get_by_label("type the rollout's name").fill("ran-434")
    await send.press("Enter")
    await expect(dialog.get_by_role("status")).to_contain_text("Done.")
    assert "ibgu.dev/resume" in of_hub(look, "ran-434")["metadata"]["annotations"]
    assert look.errors == []


async def test_the_risk_follows_the_rollout_while_the_form_is_open(look: Tab) -> None:
    """Paused in Upgrade, it comes to AbortOnFailure, and then to FinalizeUpgrade; a name that was
    typed for the one says nothing of the other."""
    plan = manifest("ran-436")
    item = plan["spec"]["plan"][0]
    steps = ["Prep", "Upgrade", "AbortOnFailure", "FinalizeUpgrade"]
    plan["spec"]["plan"] = [item | {"actions": [action]} for action in steps]
    plan["metadata"]["annotations"] = {"ibgu.dev/pause": "nora"}
    Kubectl(look.site.hub).apply(plan)
    story = look.site.story()
    uid = of_hub(look, "ran-436")["metadata"]["uid"]
    why = Reason(ReasonKind.PAUSED, story.now, "paused by nora", None, ActingParty.PERSON)
    of = await story.rollout(uid, steps, name="ran-436", fleet=FLEET, hold=why)
    step = await story.step(of, 1, 1)
    await story.put(running(step, 6950, 0, 1, story.now, ReasonKind.RUNNING, "restarts"))
    dialog = await opened(look, "ran-436", "Resume")
    send = dialog.get_by_role("button", name="Resume ran-436")
    told = dialog.locator(".confirm")
    await expect(send).not_to_have_attribute("aria-disabled", "true")
    await expect(told).to_have_count(0)
    await story.end(succeeded(step, 6950, 0, story.now, MINUTE))
    await story.step(of, 1, 1, state=StepState.FINISHED, finished_at=story.now)
    await expect(told).to_contain_text("goes on with AbortOnFailure")
    field = dialog.get_by_label("type the rollout's name")
    await field.fill("ran-436")
    await expect(send).not_to_have_attribute("aria-disabled", "true")
    await story.step(of, 2, 0, state=StepState.FINISHED, finished_at=story.now)
    await expect(told).to_contain_text("goes on with FinalizeUpgrade")
    await expect(field).to_have_value("")
    await expect(send).to_have_accessible_description("Type ran-436 to confirm.")
    await send.press("Enter")
    assert "ibgu.dev/pause" in of_hub(look, "ran-436")["metadata"]["annotations"]
    assert look.errors == []


async def test_the_failed_are_cleaned_up(look: Tab, clusters: None) -> None:
    await made(look, "ran-422", 6100, over=True, newest=True)
    dialog = await opened(look, "ran-422", "Cancel")
    await dialog.get_by_role("radio", name="Only failed clusters").check()
    await expect(dialog).to_contain_text("Step 2, AbortOnFailure: 1 cluster in 1 wave")
    await expect(dialog).to_contain_text("AbortOnFailure is step 2 of ran-422")
    await expect(dialog).to_contain_text("This can't be undone for 1 cluster.")
    await dialog.get_by_label("type the rollout's name").fill("ran-422")
    await dialog.get_by_role("button", name="Clean up 1 failed cluster", exact=True).click()
    await expect(dialog.get_by_role("status")).to_contain_text("AbortOnFailure")
    plan = of_hub(look, "ran-422")["spec"]["plan"]
    assert [item["actions"] for item in plan] == [["Prep"], ["AbortOnFailure"]]
    assert look.errors == []


@pytest.mark.parametrize("width", [1280, 820])
async def test_upgraded_clusters_are_rolled_back_by_a_rollout_that_can_be_followed(
    look: Tab, clusters: None, width: int
) -> None:
    """The dialog says before it is confirmed what will happen to which clusters."""
    kubectl = Kubectl(look.site.hub)
    marks = {"name": name(6100), "lcm.openshift.io/ibgu-upgrade-completed": ""}
    given = [f"{key}={value}" for key, value in marks.items()]
    kubectl("label", "managedcluster", name(6100), *given, "--overwrite")
    await look.page.set_viewport_size({"width": width, "height": 900})
    await made(look, f"ran-48{width}", 6100, over=True, newest=True)
    dialog = await opened(look, f"ran-48{width}", "Roll back")
    await expect(dialog.get_by_role("region", name="Preview")).to_contain_text(
        "Step 1, Rollback: 1 cluster in 1 wave"
    )
    await expect(dialog).to_contain_text("This can't be undone for 1 cluster.")
    await expect(dialog).to_contain_text("what it has stored since is lost")
    await dialog.get_by_label("Only these clusters").fill(name(6100))
    await dialog.get_by_label("Finalize the rollback immediately").check()
    await expect(dialog.get_by_role("region", name="Preview")).to_contain_text(
        "Step 1, Rollback + FinalizeRollback: 1 cluster in 1 wave"
    )
    if width == 1280:
        await look.keep("rollback", 900)
    assert await violations_of(look) == []
    await dialog.get_by_label("type the rollout's name").fill(f"ran-48{width}")
    await dialog.get_by_role("button", name="Roll back 1 cluster", exact=True).click()
    follow = dialog.get_by_role("link", name=f"Follow ran-48{width}-rollback-")
    await expect(follow).to_be_visible()
    new = str(await follow.inner_text()).removeprefix("Follow ")
    plan = of_hub(look, new)["spec"]["plan"]
    assert [item["actions"] for item in plan] == [["Rollback", "FinalizeRollback"]]
    kubectl("delete", "ibgu", new, "-n", "default")
    assert look.errors == []


COVERED = """(dialog) => {
  dialog.scrollTo(0, 0);
  const foot = dialog.querySelector(".foot");
  const bottom = Math.max(
    ...[...dialog.children].filter((each) => each !== foot)
      .map((each) => each.getBoundingClientRect().bottom));
  return bottom > foot.getBoundingClientRect().top;
}"""
"""Whether the confirmation lies over something."""


@pytest.mark.parametrize(("width", "height"), [(1400, 900), (390, 700)])
async def test_a_confirmation_covers_nothing_of_the_preview(
    look: Tab, clusters: None, width: int, height: int
) -> None:
    long = f"ran-{width}-with-a-name-that-is-as-long-as-the-longest-that-is-in-use"
    await look.page.set_viewport_size({"width": width, "height": height})
    marks = [f"name={name(6100)}", "lcm.openshift.io/ibgu-upgrade-completed="]
    Kubectl(look.site.hub)("label", "managedcluster", name(6100), *marks, "--overwrite")
    await made(look, long, 6100, over=True, newest=True)
    dialog = await opened(look, long, "Roll back")
    preview = dialog.get_by_role("region", name="Preview")
    await expect(preview).to_contain_text("cluster in 1 wave")
    await expect(dialog).to_contain_text("This can't be undone for")
    assert not await dialog.evaluate(COVERED)
    for label in ("Only these clusters", "type the rollout's name"):
        await dialog.get_by_label(label).scroll_into_view_if_needed()
        # The browser scrolls by whole pixels.
        await expect(dialog.get_by_label(label)).to_be_in_viewport(ratio=0.98)
    close = dialog.get_by_role("button", name="Close")
    await close.scroll_into_view_if_needed()
    await expect(close).to_be_in_viewport(ratio=1)
    assert await dialog.evaluate("(box) => box.scrollWidth - box.clientWidth") == 0
    await close.click()
    await expect(dialog).to_have_count(0)


async def test_clusters_of_newer_rollouts_are_not_cancelled(look: Tab, clusters: None) -> None:
    """Two have failed: one was aborted by a newer rollout, in another one the second failed."""
    kubectl = Kubectl(look.site.hub)
    kubectl("label", "managedcluster", name(6102), "lcm.openshift.io/ibgu-prep-failed=")
    await made(look, "ran-468", 6100, over=True)
    story = look.site.story()
    for number, uid, action in ((6103, "ran-469", "Abort"), (6102, "ran-470", "Prep")):
        later = await story.rollout(uid, [action], created_at=story.now)
        of = await story.step(later, 0, 1)
        meta = json.loads(kubectl("get", "managedcluster", name(number), "-o", "json"))["metadata"]
        await story.put(replace(waiting(of, number, 0, story.now), uid=meta["uid"]))
    dialog = await opened(look, "ran-468", "Cancel")
    await dialog.get_by_role("radio", name="Only failed clusters").check()
    await expect(dialog.get_by_role("alert")).to_contain_text(
        "nothing of ran-468 to cancel: site-6102 (in ran-470 now), site-6103 (in ran-469 now)"
    )
    send = dialog.get_by_role("button", name="Clean up failed clusters")
    await expect(send).to_have_attribute("aria-disabled", "true")


async def test_a_skip_counts_the_clusters_before_it_is_made(look: Tab) -> None:
    await made(look, "ran-425", 6300)
    dialog = await opened(look, "ran-425", "Skip waiting clusters")
    await expect(dialog).to_contain_text("This can't be undone for 5 clusters.")
    await dialog.get_by_label("Only these clusters").fill("site-6301, site-6302")
    await expect(dialog).to_contain_text("This can't be undone for 2 clusters.")
    await dialog.get_by_label("type the rollout's name").fill("ran-425")
    await dialog.get_by_role("button", name="Skip 2 waiting clusters").click()
    await expect(dialog.get_by_role("status")).to_contain_text("Done.")
    skipped = of_hub(look, "ran-425")["metadata"]["annotations"]["ibgu.dev/skip"]
    assert skipped.endswith("site-6301,site-6302")


async def test_the_most_dangerous_change_is_the_last_and_red(look: Tab) -> None:
    await made(look, "ran-426", 6400)
    page = await look.open("#/r/default/ran-426", user="olga")
    buttons = page.get_by_role("group", name="Actions").get_by_role("button")
    await expect(buttons).to_have_text(
        [
            "Pause…",
            "Resume",
            "Retry failed clusters…",
            "Add step…",
            "Finalize…",
            "Skip waiting clusters…",
            "Cancel…",
            "Roll back…",
        ]
    )
    await expect(buttons.last).to_have_css("color", "rgb(180, 35, 24)")
    await expect(buttons.first).not_to_have_css("color", "rgb(180, 35, 24)")


async def test_a_change_that_fits_no_cluster_is_not_offered_and_says_why(look: Tab) -> None:
    """The hub's labels say that nothing of it is upgraded."""
    story = look.site.story()
    step = await story.step(await story.rollout("ran-unfit", ["Prep"]), 0, 2)
    await story.put(*(waiting(step, 7400 + n, n, story.now) for n in range(2)))
    await look.site.label(*(seen(name(7400 + n), {}) for n in range(2)))
    page = await look.open("#/r/default/ran-unfit", user="olga")
    for change in ("Finalize…", "Roll back…"):
        button = page.get_by_role("button", name=change)
        await expect(button).to_have_attribute("aria-disabled", "true")
        await button.click(force=True)
        await expect(page.locator(".actions").get_by_role("status")).to_have_text(
            f"{change[:-1]}: none of its clusters is upgraded and not finalized"
        )
    await expect(page.get_by_role("dialog")).to_have_count(0)
    assert look.errors == []


async def test_a_clean_up_by_hand_is_confirmed_with_what_was_done(
    look: Tab, clusters: None
) -> None:
    """A new rollout runs the Abort again on the cluster that could not clean up."""
    Kubectl(look.site.hub)(
        "label", "managedcluster", name(6103), f"name={name(6103)}", "--overwrite"
    )
    await made(look, "ran-490", 6100, over=True, newest=True, failure=Cause.ABORT_FAILED)
    dialog = await opened(look, "ran-490", "Confirm clean-up…")
    await expect(dialog).to_contain_text("Say what you cleaned up.")
    await dialog.get_by_label("What you cleaned up (recorded with your name)").fill(
        "deleted the Backups"
    )
    await expect(dialog).to_contain_text("This can't be undone for 1 cluster.")
    await expect(dialog).to_contain_text(
        "olga confirms a manual cleanup there: deleted the Backups."
    )
    send = dialog.get_by_role("button", name="Confirm for 1 cluster", exact=True)
    await expect(send).to_have_accessible_description("Type ran-490 to confirm.")
    await dialog.get_by_label("type the rollout's name").fill("ran-490")
    await send.click()
    new = await followed(look, dialog, "ran-490-cleanup-")
    assert actions(new) == [["Abort"]]
    assert chosen(new) == [name(6103)]
    said = new["metadata"]["annotations"]["ibgu.dev/manual-cleanup-done"]
    assert (said.split()[0], said.split()[2:]) == ("olga", ["deleted", "the", "Backups"])
    assert look.errors == []


async def followed(look: Tab, dialog: Locator, prefix: str) -> Any:
    """Returns the rollout that the dialog has made and links to, which is deleted again."""
    follow = dialog.get_by_role("link", name=f"Follow {prefix}")
    await expect(follow).to_be_visible()
    name_ = str(await follow.inner_text()).removeprefix("Follow ")
    new = of_hub(look, name_)
    Kubectl(look.site.hub)("delete", "ibgu", name_, "-n", "default")
    return new


def actions(ibgu: Any) -> list[list[str]]:
    return [item["actions"] for item in ibgu["spec"]["plan"]]


def chosen(ibgu: Any) -> list[str]:
    """The clusters that a rollout made for some of them names."""
    (selector,) = ibgu["spec"]["clusterLabelSelectors"]
    return list(selector["matchExpressions"][0]["values"])


async def test_the_failed_are_aborted_before_they_are_retried(look: Tab, clusters: None) -> None:
    """A retry alone is refused; the abort is a step, and the dialog retries when it is over."""
    Kubectl(look.site.hub)("delete", "ibgu", "ran-491", "-n", "default", "--ignore-not-found")
    await made(look, "ran-491", 6100, over=True, newest=True)
    dialog = await opened(look, "ran-491", "Retry failed clusters…")
    await expect(dialog.get_by_role("alert")).to_contain_text("site-6103 (must be aborted first)")
    await dialog.get_by_label("First abort clusters whose Prep or Upgrade failed").check()
    await expect(dialog).to_contain_text("This can't be undone for 1 cluster.")
    send = dialog.get_by_role("button", name="Abort, then retry 1 failed cluster", exact=True)
    await expect(send).to_have_accessible_description("Type ran-491 to confirm.")
    await dialog.get_by_label("type the rollout's name").fill("ran-491")
    await send.click()
    await expect(dialog.get_by_role("status")).to_contain_text("the same request retries them")
    await expect(dialog).to_contain_text("Keep this dialog open")
    assert actions(of_hub(look, "ran-491")) == [["Prep"], ["AbortOnFailure"]]
    await aborted(look, "ran-491", 6103)
    await expect(dialog).to_contain_text("takes 1 failed cluster of ran-491 through the plan again")
    new = await followed(look, dialog, "ran-491-retry-")
    assert actions(new) == [["Prep"]]
    assert chosen(new) == [name(6103)]
    refused = [each for each in look.errors if "409 (Conflict)" not in each]
    assert refused == [], "but for the retry alone, and what comes before the labels are removed"


async def aborted(look: Tab, name_: str, number: int) -> None:
    """The second step has aborted the cluster, as if a controller had seen it."""
    story = look.site.story()
    uid, plan = of_hub(look, name_)["metadata"]["uid"], ["Prep", "AbortOnFailure"]
    times = {"created_at": story.now, "completed_at": story.now}
    found = await story.rollout(
        uid, plan, name=name_, state=RolloutState.COMPLETE, fleet=FLEET, **times
    )
    step = await story.step(found, 1, 1)
    await story.put(succeeded(step, number, 0, story.now, MINUTE))
    ended = replace(step, state=StepState.FINISHED, finished_at=story.now)
    await story.tell(OnStep(Kind.STEP_FINISHED, ended, "all its clusters are over"))
    labels = ("lcm.openshift.io/ibgu-prep-failed-", f"name={name(number)}")
    Kubectl(look.site.hub)("label", "managedcluster", name(number), *labels)


async def test_only_what_failed_on_the_new_release_is_rolled_back(
    look: Tab, clusters: None
) -> None:
    """One is upgraded and one failed before its restart: both stay as they are."""
    kubectl = Kubectl(look.site.hub)
    outcomes = {6100: "completed", 6101: "failed", 6102: "failed"}
    for number, outcome in outcomes.items():
        labels = (f"name={name(number)}", f"lcm.openshift.io/ibgu-upgrade-{outcome}=")
        kubectl("label", "managedcluster", name(number), *labels, "--overwrite")
    await upgrading(look, "ran-492", 6100, busy=6980)
    story = look.site.story()
    of = await story.rollout(
        of_hub(look, "ran-492")["metadata"]["uid"],
        ["Prep", "Upgrade"],
        name="ran-492",
        fleet=FLEET,
        created_at=story.now,
    )
    step = await story.step(of, 1, 5)
    stays = failed(step, 6102, 2, story.now - 30 * MINUTE, 19 * MINUTE, RESTORE)
    await story.put(replace(stays, cause=Cause.UPGRADE_FAILED_AFTER_PIVOT))
    dialog = await opened(look, "ran-492", "Roll back")
    await expect(
        dialog.get_by_role("button", name="Roll back 1 cluster", exact=True)
    ).to_be_visible()
    await dialog.get_by_label("Only clusters whose Upgrade failed").check()
    await expect(dialog.get_by_role("region", name="Preview")).to_contain_text(
        "Step 1, Rollback: 1 cluster in 1 wave"
    )
    await dialog.get_by_label("type the rollout's name").fill("ran-492")
    await dialog.get_by_role("button", name="Roll back 1 failed cluster", exact=True).click()
    new = await followed(look, dialog, "ran-492-rollback-")
    assert actions(new) == [["Rollback"]]
    assert chosen(new) == [name(6102)]
    assert look.errors == []


async def test_a_rollout_that_talm_left_unfinished_can_be_adopted(look: Tab) -> None:
    hold = Reason(
        ReasonKind.ADOPTION, look.site.story().now, "TALM left ran-428", None, ActingParty.PERSON
    )
    await made(look, "ran-428", 6600, hold=hold)
    dialog = await opened(look, "ran-428", "Adopt from TALM…")
    await expect(dialog.get_by_role("button", name="Adopt ran-428 from TALM")).to_be_visible()


async def test_an_action_that_the_state_refuses_says_why(look: Tab) -> None:
    page = await look.open("#/r/default/edge-416", user="olga")
    skip = page.get_by_role("button", name="Skip waiting clusters")
    await expect(skip).to_have_attribute("aria-disabled", "true")
    await skip.press("Enter")
    await expect(page.locator(".actions [role=status]")).to_contain_text("Skip waiting clusters: ")
    await expect(page.get_by_role("dialog")).to_have_count(0)


async def test_an_action_beyond_the_callers_rights_names_the_right(look: Tab) -> None:
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


async def test_a_change_by_the_page_has_its_field_manager(look: Tab) -> None:
    await made(look, "ran-427", 6500)
    dialog = await opened(look, "ran-427", "Pause")
    await dialog.get_by_role("button", name="Pause ran-427").click()
    await expect(dialog.get_by_role("status")).to_contain_text("Done.")
    found = json.loads(
        Kubectl(look.site.hub)(
            *("get", "ibgu", "ran-427", "-n", "default", "-o", "json", "--show-managed-fields")
        )
    )
    managers = [each["manager"] for each in found["metadata"]["managedFields"]]
    assert "ibgu-page:olga" in managers


async def test_one_waiting_cluster_is_skipped_from_its_own_page(look: Tab) -> None:
    await made(look, "ran-428", 6600)
    page = await look.open("#/c/site-6602?rollout=default/ran-428", user="olga")
    await page.get_by_role("button", name="Skip this cluster…").click()
    dialog = page.get_by_role("dialog")
    await expect(dialog).to_contain_text("This can't be undone for 1 cluster.")
    await dialog.get_by_label("type the rollout's name").fill("ran-428")
    await dialog.get_by_role("button", name="Skip site-6602").click()
    await expect(dialog.get_by_role("status")).to_contain_text("Done.")
    assert of_hub(look, "ran-428")["metadata"]["annotations"]["ibgu.dev/skip"].endswith("site-6602")


async def test_a_failed_cluster_is_retried_from_its_own_page(look: Tab, clusters: None) -> None:
    """A cluster that can't be retried now says why: its Prep is not cleaned up, or
    another rollout has it."""
    await made(look, "ran-429", 6100, over=True)
    page = await look.open("#/c/site-6103?rollout=default/ran-429", user="olga")
    group = page.get_by_role("group", name="Actions")
    retry = group.get_by_role("button", name="Retry this cluster…")
    await expect(group.get_by_role("button", name="Skip")).to_have_count(0)
    await retry.press("Enter")
    dialog = page.get_by_role("dialog")
    await expect(dialog.get_by_role("alert")).to_contain_text("can't be retried: site-6103")
    send = dialog.get_by_role("button", name="Retry site-6103")
    await expect(send).to_have_attribute("aria-disabled", "true")


async def test_the_retry_of_one_cluster_is_done_from_its_own_page(look: Tab) -> None:
    """A new rollout takes this cluster alone through the rest of the plan."""
    kubectl = Kubectl(look.site.hub)
    mine = {"matchLabels": {"fleet": "again"}}
    labels = {"fleet": "again", "name": name(6980)}
    kubectl.apply(
        {
            "apiVersion": "cluster.open-cluster-management.io/v1",
            "kind": "ManagedCluster",
            "metadata": {"name": name(6980), "labels": labels},
            "spec": {"hubAcceptsClient": True},
        }
    )
    body = manifest("ran-473")
    body["spec"]["clusterLabelSelectors"] = [mine]
    kubectl.apply(body)
    story = look.site.story()
    uid = of_hub(look, "ran-473")["metadata"]["uid"]
    done = {"state": RolloutState.COMPLETE, "completed_at": story.now}
    of = await story.rollout(uid, ["Prep"], name="ran-473", fleet=mine, **done)
    step = await story.step(of, 0, 2, state=StepState.FINISHED, finished_at=story.now)
    began = story.now - 9 * MINUTE
    await story.put(
        *(
            replace(failed(step, 6980 + n, n, began, MINUTE, "no"), cause=Cause.PAYLOAD_REFUSED)
            for n in range(2)
        )
    )
    page = await look.open("#/c/site-6980?rollout=default/ran-473", user="olga")
    tried: list[str] = []
    page.on("request", lambda sent: tried.append(sent.url) if "dryRun" in sent.url else None)
    group = page.get_by_role("group", name="Actions")
    await group.get_by_role("button", name="Retry this cluster…").click()
    dialog = page.get_by_role("dialog")
    await dialog.get_by_role("button", name="Retry site-6980").click()
    told = dialog.get_by_role("status")
    await expect(told).to_contain_text("takes 1 failed cluster of ran-473 through the plan again")
    found = json.loads(kubectl("get", "ibgu", "-n", "default", "-o", "json"))["items"]
    (new,) = (each for each in found if each["metadata"]["name"].startswith("ran-473-retry-"))
    assert new["spec"]["clusterLabelSelectors"] == [
        {"matchExpressions": [{"key": "name", "operator": "In", "values": [name(6980)]}]}
    ]
    assert [item["actions"] for item in new["spec"]["plan"]] == [["Prep"]]
    # Long enough for a second request, 300 ms after the answer that names the rollout's uid.
    await page.wait_for_timeout(1000)
    assert len(tried) == 1
    assert look.errors == []
    kubectl("delete", "managedcluster", name(6980))


async def test_a_change_without_an_answer_may_have_been_made(look: Tab) -> None:
    await made(look, "ran-unanswered", 7410)
    dialog = await opened(look, "ran-unanswered", "Pause")
    send = dialog.get_by_role("button", name="Pause ran-unanswered")
    await expect(send).not_to_have_attribute("aria-disabled", "true")
    await look.page.route(re.compile("/pause"), lambda route: route.abort())
    await send.click()
    alert = dialog.get_by_role("alert")
    await expect(alert).to_contain_text("ibgu's API does not respond; it may have made the change")
    await dialog.get_by_role("button", name="Close").click()
    await expect(dialog).to_have_count(0)


async def test_repeated_preflights_leave_room_for_who_paused(look: Tab) -> None:
    story = look.site.story()
    of = await story.rollout("ran-repeats", ["Prep"])
    step = await story.step(of, 0, 1)
    await story.put(waiting(step, 7420, 0, story.now))
    paused = replace(of, controls={"ibgu.dev/pause": "olga"})
    await story.tell(OnRollout(Kind.ROLLOUT_SEEN, paused, "", actor="nora"))
    for number in range(9):
        why = f"preflight: {number} errors, 0 warnings, 3 rules unknown"
        await story.tell(OnStep(Kind.PREFLIGHT, step, why))
    page = await look.open("#/r/default/ran-repeats")
    entries = page.get_by_role("region", name="Activity").get_by_role("listitem")
    await expect(entries.first).to_contain_text("preflight: 8 errors")
    await expect(entries.first).to_contain_text("and 8 before")
    await expect(entries.nth(1)).not_to_contain_text("reflight")


async def test_activity_says_who_paused_from_where(look: Tab) -> None:
    story = look.site.story()
    of = await story.rollout("ran-430", ["Prep"], who="via the hub (kubectl-create)")
    why = "paused by olga: the mirror is down"
    hold = Reason(ReasonKind.PAUSED, story.now, why, None, ActingParty.PERSON)
    held = replace(of, hold=hold)
    page = await look.open("#/r/default/ran-430")
    await story.step(of, 0, 1)
    await story.tell(
        OnRollout(Kind.ROLLOUT_HELD, held, why, actor="via the hub (ibgu-page:olga)"),
        OnRollout(Kind.ROLLOUT_RELEASED, of, "goes on", actor="via the hub (kubectl-annotate)"),
    )
    deeds = page.get_by_role("region", name="Activity").get_by_role("listitem")
    await expect(deeds.nth(0)).to_contain_text("Resumed: goes on via kubectl-annotate")
    await expect(deeds.nth(1)).to_contain_text(f"Paused: {why} olga, on this page")
    await expect(deeds.last).to_contain_text("Created: Prep via kubectl-create")
    assert look.errors == []
