"""Changes from the page: told before they are made, made on the hub with the caller's rights."""

import json
import re
from typing import Any

import pytest
from axe_playwright_python.async_playwright import Axe
from msgspec.structs import replace
from playwright.async_api import Locator, expect

from ibgu.core.model import (
    Cause,
    Kind,
    OnRollout,
    Reason,
    ReasonKind,
    RolloutState,
    StepState,
    Who,
)
from ibgu.sandbox.kubectl import Kubectl
from tests.web.conftest import SESSION, Look
from tests.web.fleet import (
    FLEET,
    MINUTE,
    MONITOR,
    PULL,
    failed,
    name,
    running,
    succeeded,
    waiting,
)
from tests.web.test_accessible import told

pytestmark = [pytest.mark.hub, SESSION]


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


async def made(
    look: Look, name: str, first: int, *, over: bool = False, hold: Reason | None = None
) -> None:
    """Makes the rollout on the hub, and in the journal as if a controller had seen it."""
    Kubectl(look.site.hub).apply(manifest(name))
    story = look.site.story()
    state = RolloutState.COMPLETE if over else RolloutState.RUNNING
    times = {"completed_at": story.now} if over else {}
    uid = of_hub(look, name)["metadata"]["uid"]
    found = await story.rollout(
        uid, ["Prep"], name=name, state=state, fleet=FLEET, hold=hold, **times
    )
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
    await dialog.get_by_role("button", name="Pause ran-419").click()
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
    await expect(preview).to_contain_text("2 clusters left alone")
    await expect(dialog.locator("code")).to_contain_text('"maxConcurrency":3')
    await look.keep("preview", 900)
    assert len(of_hub(look, "ran-420")["spec"]["plan"]) == 1
    await dialog.get_by_role("button", name="Upgrade on 3 clusters").click()
    await expect(dialog.get_by_role("status")).to_contain_text("Done. Upgrade")
    plan = of_hub(look, "ran-420")["spec"]["plan"]
    assert plan[1:] == [
        {"actions": ["Upgrade"], "rolloutStrategy": {"maxConcurrency": 3, "timeout": 600}}
    ]


async def test_nothing_is_chosen_for_anybody(look: Look, clusters: None) -> None:
    """An Enter in a dialog that has just opened adds no step: somebody has to say which one."""
    await made(look, "ran-423", 6100, over=True)
    dialog = await opened(look, "ran-423", "Add step")
    radios = dialog.get_by_role("radio")
    await expect(radios).to_have_count(4)
    assert [await each.is_checked() for each in await radios.all()] == [False] * 4
    send = dialog.get_by_role("button", name="Add the step")
    await expect(send).to_have_attribute("aria-disabled", "true")
    await expect(send).to_have_accessible_description("Choose what the step does.")
    await expect(dialog.locator("code")).to_have_count(0)
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


async def choices(dialog: Locator) -> list[str]:
    texts = await dialog.locator(".plans label").all_inner_texts()
    return [" ".join(each.split()) for each in texts]


async def test_the_end_of_the_way_back_asks_for_the_rollouts_name(
    look: Look, clusters: None
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
    await send.press("Enter")
    await expect(dialog.get_by_role("status")).to_contain_text("Done. Upgrade, FinalizeUpgrade")
    plan = of_hub(look, "ran-424")["spec"]["plan"]
    assert [item["actions"] for item in plan] == [["Prep"], ["Upgrade", "FinalizeUpgrade"]]
    assert look.errors == []


async def upgrading(look: Look, name_: str, first: int, busy: int) -> None:
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


@pytest.mark.parametrize(
    ("rollout", "choice", "lost", "button"),
    [
        ("ran-471", "FinalizeUpgrade", "Rollback is no longer possible.", "Finalize upgrade on"),
        ("ran-472", "AbortOnFailure", "is deleted from each failed cluster", "Clean up"),
    ],
)
async def test_during_an_upgrade_with_failures_nothing_is_chosen_and_each_choice_asks_for_the_name(
    look: Look, clusters: None, rollout: str, choice: str, lost: str, button: str
) -> None:
    """FinalizeUpgrade was preselected here, with a blue button."""
    kubectl = Kubectl(look.site.hub)
    for number, outcome in ((6100, "completed"), (6101, "failed"), (6102, "failed")):
        label = f"lcm.openshift.io/ibgu-upgrade-{outcome}="
        kubectl("label", "managedcluster", name(number), label)
    await upgrading(look, rollout, 6100, busy=6900 + int(rollout[-1]) * 10)
    dialog = await opened(look, rollout, "Add step")
    assert await choices(dialog) == [
        "FinalizeUpgrade can't be undone",
        "AbortOnFailure can't be undone",
    ]
    radios = await dialog.get_by_role("radio").all()
    assert [await each.is_checked() for each in radios] == [False, False]
    nothing = dialog.get_by_role("button", name="Add the step")
    await expect(nothing).to_have_accessible_description("Choose what the step does.")
    await nothing.press("Enter")
    await dialog.get_by_role("radio", name=choice).press(" ")
    told = dialog.locator(".confirm")
    await expect(told).to_contain_text("This can't be undone for ")
    await expect(told).to_contain_text(lost)
    send = dialog.get_by_role("button", name=button)
    await expect(send).to_have_attribute("aria-disabled", "true")
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


async def violations_of(look: Look) -> list[str]:
    """Returns what axe-core has against the page with its dialog open."""
    return told((await Axe().run(look.page)).response)


async def test_a_resume_that_finalizes_asks_for_the_rollouts_name(look: Look) -> None:
    """The circuit breaker has ended a FinalizeUpgrade: to resume it takes the way back from the
    others."""
    plan = manifest("ran-434")
    plan["spec"]["plan"][0]["actions"] = ["FinalizeUpgrade"]
    Kubectl(look.site.hub).apply(plan)
    story = look.site.story()
    uid = of_hub(look, "ran-434")["metadata"]["uid"]
    of = await story.rollout(uid, ["FinalizeUpgrade"], name="ran-434", fleet=FLEET)
    hold = Reason(
        ReasonKind.CIRCUIT_BREAKER, story.now, "5 clusters in a row have failed", None, Who.PERSON
    )
    step = await story.step(of, 0, 3, hold=hold)
    await story.put(*(waiting(step, 6900 + n, n, story.now) for n in range(3)))
    dialog = await opened(look, "ran-434", "Resume")
    told = dialog.locator(".confirm")
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


async def test_the_failed_are_cleaned_up(look: Look, clusters: None) -> None:
    await made(look, "ran-422", 6100, over=True)
    dialog = await opened(look, "ran-422", "Clean up failed")
    await expect(dialog).to_contain_text("Step 2, AbortOnFailure: 1 cluster in 1 wave")
    await expect(dialog).to_contain_text("AbortOnFailure is step 2 of ran-422")
    await expect(dialog).to_contain_text("This can't be undone for 1 cluster.")
    await dialog.get_by_label("type the rollout's name").fill("ran-422")
    await dialog.get_by_role("button", name="Clean up 1 failed cluster", exact=True).click()
    await expect(dialog.get_by_role("status")).to_contain_text("AbortOnFailure")
    plan = of_hub(look, "ran-422")["spec"]["plan"]
    assert [item["actions"] for item in plan] == [["Prep"], ["AbortOnFailure"]]
    assert look.errors == []


async def test_a_clean_up_says_whom_it_leaves_alone_and_what_newer_rollouts_have(
    look: Look, clusters: None
) -> None:
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
    dialog = await opened(look, "ran-468", "Clean up failed")
    await expect(dialog).to_contain_text("Step 2, AbortOnFailure: 1 cluster in 1 wave")
    await expect(dialog).to_contain_text(
        "1 of 1 cluster was in newer rollouts since (ran-470): what these have done there is "
        "aborted, too."
    )
    left = dialog.locator("details")
    await expect(left).to_contain_text("4 clusters left alone")
    why = "1 taken over by a newer ImageBasedGroupUpgrade that cancels or rolls back: site-6103"
    await expect(left.get_by_text(why)).to_be_visible()
    await expect(dialog).to_contain_text("This can't be undone for 1 cluster.")
    assert look.errors == []


async def test_who_is_left_out_for_good_is_counted_first(look: Look) -> None:
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


async def test_the_most_dangerous_change_is_the_last_and_red(look: Look) -> None:
    await made(look, "ran-426", 6400)
    page = await look.open("#/r/default/ran-426", user="olga")
    buttons = page.get_by_role("group", name="Actions").get_by_role("button")
    await expect(buttons).to_have_text(
        [
            "Pause",
            "Resume",
            "Retry failed clusters…",
            "Add step…",
            "Skip waiting clusters…",
            "Clean up failed…",
        ]
    )
    await expect(buttons.last).to_have_css("color", "rgb(180, 35, 24)")
    await expect(buttons.first).not_to_have_css("color", "rgb(180, 35, 24)")


async def test_what_talm_left_unfinished_can_be_taken_over(look: Look) -> None:
    hold = Reason(ReasonKind.ADOPTION, look.site.story().now, "TALM left ran-428", None, Who.PERSON)
    await made(look, "ran-428", 6600, hold=hold)
    dialog = await opened(look, "ran-428", "Take over from TALM…")
    await expect(dialog.get_by_role("button", name="Take ran-428 over from TALM")).to_be_visible()


async def test_what_the_state_does_not_allow_says_why(look: Look) -> None:
    page = await look.open("#/r/default/edge-416", user="olga")
    skip = page.get_by_role("button", name="Skip waiting clusters")
    await expect(skip).to_have_attribute("aria-disabled", "true")
    await skip.press("Enter")
    await expect(page.locator(".actions [role=status]")).to_contain_text("Skip waiting clusters: ")
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


async def test_what_is_done_here_is_told_to_the_hub_as_done_here(look: Look) -> None:
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


async def test_one_waiting_cluster_is_skipped_from_its_own_page(look: Look) -> None:
    await made(look, "ran-428", 6600)
    page = await look.open("#/c/site-6602?rollout=default/ran-428", user="olga")
    await page.get_by_role("button", name="Skip this cluster…").click()
    dialog = page.get_by_role("dialog")
    await expect(dialog).to_contain_text("This can't be undone for 1 cluster.")
    await dialog.get_by_label("type the rollout's name").fill("ran-428")
    await dialog.get_by_role("button", name="Skip site-6602").click()
    await expect(dialog.get_by_role("status")).to_contain_text("Done.")
    assert of_hub(look, "ran-428")["metadata"]["annotations"]["ibgu.dev/skip"].endswith("site-6602")


async def test_a_failed_cluster_is_retried_from_its_own_page(look: Look, clusters: None) -> None:
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


async def test_the_retry_of_one_cluster_is_done_from_its_own_page(look: Look) -> None:
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
    assert look.errors == []
    kubectl("delete", "managedcluster", name(6980))


async def test_activity_says_who_paused_from_where(look: Look) -> None:
    story = look.site.story()
    of = await story.rollout("ran-430", ["Prep"], who="via the hub (kubectl-create)")
    why = "paused by olga: the mirror is down"
    hold = Reason(ReasonKind.PAUSED, story.now, why, None, Who.PERSON)
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
