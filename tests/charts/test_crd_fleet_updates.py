"""The CRD of FleetUpdates: what is taken, what is refused and why, what never changes."""

from collections.abc import Callable
from random import Random
from typing import Any

import httpx
import pytest

from ibgu.core.drivers.cluster_version.actions import UPDATE_ACTIONS
from ibgu.core.drivers.cluster_version.conversion import convert
from tests.charts.ibgus import Ibgus, Object, step

IMAGE = f"quay.example/release@sha256:{'a' * 64}"
RELEASE = {"version": "4.16.12", "image": IMAGE}
VIA = {"version": "4.15.20", "image": f"quay.example/release@sha256:{'d' * 64}"}
BACKUP = {"form": "Full", "image": IMAGE}
WRONG_PLAN = (
    "spec.plan",
    "plan must have any of Check, Mirror, PreCache, Backup, Update and Pools, once each and in "
    "this order, in one step or more; a last step with Retract or RetractOnFailure may follow an "
    "Update, or stand alone",
)


def fleet_update(name: str, *plan: Object, **update: object) -> Object:
    return {
        "apiVersion": "ibgu.dev/v1alpha1",
        "kind": "FleetUpdate",
        "metadata": {"name": name, "namespace": "default"},
        "spec": {
            "clusterLabelSelectors": [{"matchLabels": {"site": "north"}}],
            "update": {"release": RELEASE, **update},
            "plan": list(plan or (step("Check"),)),
        },
    }


@pytest.fixture(scope="module")
def updates(admin: httpx.Client) -> Ibgus:
    return Ibgus(admin, "/apis/ibgu.dev/v1alpha1/namespaces/default/fleetupdates")


def test_the_api_server_takes_the_plans_that_the_driver_takes_and_no_other(
    updates: Ibgus,
) -> None:
    rng = Random(26)
    known = set(UPDATE_ACTIONS.plans)
    drawn = [*rng.sample(UPDATE_ACTIONS.plans, 33), *(_any_plan(rng) for _ in range(200))]
    for plan in drawn:
        backup = {"backup": BACKUP} if any("Backup" in actions for actions in plan) else {}
        backup |= {"preCache": {"image": IMAGE}}
        body = fleet_update("whole", *(step(*actions) for actions in plan), **backup)
        answer = updates.create(body, dry_run=True)
        wanted = (201, []) if plan in known else (422, [WRONG_PLAN])
        assert (answer.code, answer.causes) == wanted, plan


def _any_plan(rng: Random) -> tuple[tuple[str, ...], ...]:
    """A plan of up to four steps that is nearly right: some actions in order, then a small
    mistake."""
    chosen = [name for name in UPDATE_ACTIONS.names if rng.random() < 0.6] or ["Check"]
    mistake = rng.randrange(4)
    if mistake == 1:
        rng.shuffle(chosen)
    elif mistake == 2:
        chosen.insert(rng.randrange(len(chosen) + 1), rng.choice(UPDATE_ACTIONS.names))
    steps: list[list[str]] = [[]]
    for name in chosen[:7]:
        if steps[-1] and rng.random() < (0.9 if name.startswith("Retract") else 0.4):
            steps.append([])
        steps[-1].append(name)
    return tuple(tuple(step[:6]) for step in steps)


@pytest.mark.parametrize(
    "plan",
    [
        ["Update", "Check"],
        ["Check", "RetractOnFailure"],
        ["Update", "Update"],
        ["Update", "RetractOnFailure", "Retract"],
        ["Retract", "Update"],
    ],
)
def test_every_other_plan_is_refused(updates: Ibgus, plan: list[str]) -> None:
    answer = updates.create(fleet_update("no", *map(step, plan)), dry_run=True)
    assert (answer.code, answer.causes) == (422, [WRONG_PLAN])


@pytest.mark.parametrize(
    ("update", "field"),
    [
        ({"release": {"version": "4.16", "image": IMAGE}}, "spec.update.release.version"),
        ({"release": {**RELEASE, "image": "quay.example/r:4.16"}}, "spec.update.release.image"),
        ({"release": {"version": "4.16.12"}}, "spec.update.release.image"),
        ({"via": {"version": "4.15", "image": VIA["image"]}}, "spec.update.via.version"),
        ({"via": {**VIA, "image": "quay.example/r:4.15"}}, "spec.update.via.image"),
        ({"via": {"version": "4.15.20"}}, "spec.update.via.image"),
        ({"via": {**VIA, "signatures": ["?"]}}, "spec.update.via.signatures[0]"),
        ({"signatures": ["?"]}, "spec.update.signatures[0]"),
        ({"signatures": ["aaaa"] * 6}, "spec.update.signatures"),
        ({"signatures": ["a" * 16385]}, "spec.update.signatures[0]"),
        (
            {"mirrors": [{"source": "quay.example", "mirrors": []}]},
            "spec.update.mirrors[0].mirrors",
        ),
        ({"mirrors": [{"source": "a b", "mirrors": ["c"]}]}, "spec.update.mirrors[0].source"),
        ({"acks": ["yes"]}, "spec.update.acks[0]"),
        ({"disruptionBudgets": ["database"]}, "spec.update.disruptionBudgets[0]"),
        ({"disruptionBudgets": ["a/b"] * 21}, "spec.update.disruptionBudgets"),
        ({"pause": {"soakMinutes": -1}}, "spec.update.pause.soakMinutes"),
        ({"pause": {"soakMinutes": 10081}}, "spec.update.pause.soakMinutes"),
        ({"backup": {"form": "All", "image": IMAGE}}, "spec.update.backup.form"),
        ({"backup": {"form": "Full", "image": "tools:1"}}, "spec.update.backup.image"),
        ({"backup": {"form": "Full"}}, "spec.update.backup.image"),
        ({"backup": {**BACKUP, "path": "/etc"}}, "spec.update.backup.path"),
        ({"backup": {**BACKUP, "path": "/var/mnt/../x"}}, "spec.update.backup.path"),
        ({"backup": {**BACKUP, "maxAgeMinutes": 0}}, "spec.update.backup.maxAgeMinutes"),
    ],
)
def test_a_field_that_no_cluster_could_take_is_refused(
    updates: Ibgus, update: dict[str, Any], field: str
) -> None:
    answer = updates.create(fleet_update("no", **update), dry_run=True)
    assert answer.code == 422
    assert field in {each for each, _ in answer.causes}


@pytest.mark.parametrize(
    ("actions", "update", "words"),
    [
        (["Backup"], {}, "a plan with Backup needs update.backup"),
        (["PreCache"], {}, "a plan with PreCache needs update.preCache"),
        (
            ["Check", "Update"],
            {"backup": BACKUP},
            "an Update with update.backup needs Backup before it in the plan",
        ),
    ],
)
def test_a_backup_is_asked_for_in_both_places(
    updates: Ibgus, actions: list[str], update: dict[str, Any], words: str
) -> None:
    answer = updates.create(fleet_update("no", step(*actions), **update), dry_run=True)
    assert (answer.code, answer.causes) == (422, [("spec", words)])
    begun = fleet_update("begun", step("Check"), backup=BACKUP)
    assert updates.create(begun, dry_run=True).code == 201


PULLED = [f"quay.example/release@sha256:{digit * 64}" for digit in "abc"]
PRECACHE = "spec.update.preCache"


@pytest.mark.parametrize(
    ("precache", "field", "words"),
    [
        ({}, "", "preCache needs image for a Job, images for PinnedImageSets, or both"),
        ({"image": IMAGE, "pools": ["worker"]}, "", "preCache.pools needs preCache.images"),
        (
            {"images": [f"quay.example/{'a' * 300}{n}@sha256:{'a' * 64}" for n in range(400)]},
            "",
            "images take more than 300000 bytes for all pools; name fewer of one of them",
        ),
        ({"images": []}, ".images", "should have at least 1 items"),
        ({"images": [IMAGE, IMAGE]}, ".images[1]", f'"{IMAGE}"'),
        ({"images": ["quay.example/release:4.20"]}, ".images[0]", "should match"),
        ({"images": [f"localhost/a@sha256:{'a' * 64}"]}, ".images[0]", "should match"),
        ({"images": PULLED, "pools": ["Worker"]}, ".pools[0]", "should match"),
        ({"image": IMAGE, "excludePatterns": [" "]}, ".excludePatterns[0]", "should match"),
        (
            {"image": IMAGE, "excludePatterns": ["a$", "a\nb"]},
            ".excludePatterns[1]",
            "the pattern has several lines",
        ),
        (
            {"image": IMAGE, "excludePatterns": ["a$", "$(JOB)"]},
            ".excludePatterns[1]",
            "the pattern has $(",
        ),
    ],
)
def test_a_precache_that_no_cluster_could_run_is_refused(
    updates: Ibgus, precache: dict[str, Any], field: str, words: str
) -> None:
    body = fleet_update("no", step("PreCache"), preCache=precache)
    answer = updates.create(body, dry_run=True)
    found = [said for where, said in answer.causes if where == f"{PRECACHE}{field}"]
    assert answer.code == 422
    assert any(words in said for said in found), answer.causes


@pytest.mark.parametrize(
    "precache",
    [
        {"image": IMAGE},
        {"images": PULLED},
        {"image": IMAGE, "images": PULLED, "pools": ["master", "canary"]},
        {"image": IMAGE, "excludePatterns": ["^azure-", "$", "\\(a\\|b\\)$"]},
        {"images": [f"quay.example/a/b@sha256:{n:064x}" for n in range(500)]},
    ],
)
def test_images_need_no_job_and_a_job_needs_no_images(
    updates: Ibgus, precache: dict[str, Any]
) -> None:
    body = fleet_update("ahead", step("PreCache"), preCache=precache)
    answer = updates.create(body, dry_run=True)
    assert answer.code == 201, answer.body
    assert answer.body["spec"]["update"]["preCache"]["spaceRequiredGiB"] == 35


def test_an_action_of_another_kind_is_refused_with_those_that_there_are(updates: Ibgus) -> None:
    answer = updates.create(fleet_update("no", step("Prep")), dry_run=True)
    known = (
        '"Check", "Mirror", "PreCache", "Backup", "Update", "Pools", "Retract", "RetractOnFailure"'
    )
    assert (answer.code, answer.causes) == (422, [("spec.plan[0].actions[0]", known)])


@pytest.mark.parametrize(
    ("selector", "field"),
    [
        ({"matchLabels": {"site": "n" * 64}}, "matchLabels.site"),
        (
            {"matchExpressions": [{"key": "site", "operator": "Is"}]},
            "matchExpressions[0].operator",
        ),
        (
            {"matchExpressions": [{"key": "k" * 318, "operator": "Exists"}]},
            "matchExpressions[0].key",
        ),
        (
            {"matchExpressions": [{"key": "site", "operator": "In", "values": ["n" * 64]}]},
            "matchExpressions[0].values[0]",
        ),
    ],
)
def test_a_selector_that_matches_no_label_is_refused(
    updates: Ibgus, selector: Object, field: str
) -> None:
    body = fleet_update("no")
    body["spec"]["clusterLabelSelectors"] = [selector]
    answer = updates.create(body, dry_run=True)
    assert answer.code == 422
    assert f"spec.clusterLabelSelectors[0].{field}" in {each for each, _ in answer.causes}


@pytest.mark.parametrize("version", ["4.14.30", "4.16.3", "4.17.1", "3.15.20", "5.15.20"])
def test_an_intermediate_release_is_of_the_minor_release_before(
    updates: Ibgus, version: str
) -> None:
    taken = updates.create(fleet_update("hops", via=VIA), dry_run=True)
    assert taken.code == 201, taken.body
    assert taken.body["spec"]["update"]["via"] == VIA
    answer = updates.create(fleet_update("no", via={**VIA, "version": version}), dry_run=True)
    refused = ("spec.update", "via must be of the minor release before release")
    assert (answer.code, answer.causes) == (422, [refused])


def test_an_intermediate_release_has_another_image(updates: Ibgus) -> None:
    """A digest is the same release, whatever registry it comes from."""
    same = {**VIA, "image": IMAGE.replace("quay.example", "other.example")}
    answer = updates.create(fleet_update("no", via=same), dry_run=True)
    refused = ("spec.update", "via must have another image than release")
    assert (answer.code, answer.causes) == (422, [refused])


def test_an_intermediate_release_never_changes(
    updates: Ibgus, unique_name: Callable[[str], str]
) -> None:
    name = unique_name("hops")
    assert updates.create(fleet_update(name, via=VIA)).code == 201
    newer = {"op": "replace", "path": "/spec/update/via/version", "value": "4.15.21"}
    answer = updates.patch(name, [newer])
    assert (answer.code, answer.causes) == (422, [("spec.update", "update is immutable")])


def test_the_selectors_never_change(updates: Ibgus, unique_name: Callable[[str], str]) -> None:
    name = unique_name("selects")
    assert updates.create(fleet_update(name, step("Check"))).code == 201
    other = {"op": "replace", "path": "/spec/clusterLabelSelectors/0", "value": {}}
    answer = updates.patch(name, [other])
    refused = ("spec.clusterLabelSelectors", "clusterLabelSelectors is immutable")
    assert (answer.code, answer.causes) == (422, [refused])


def test_the_largest_update_is_within_the_limits_of_the_rules(updates: Ibgus) -> None:
    mirrors = [{"source": f"quay.example/{n}", "mirrors": ["m.example"] * 10} for n in range(20)]
    body = fleet_update(
        "large",
        *map(step, ("Check", "Mirror", "Update", "RetractOnFailure")),
        signatures=["aaaa" * 4096] * 5,
        via={**VIA, "signatures": ["aaaa" * 4096] * 5},
        mirrors=mirrors,
        acks=[f"ack-{n}" for n in range(20)],
    )
    names = [f"cluster-{n}" for n in range(10_000)]
    named = {"key": "name", "operator": "In", "values": names}
    body["spec"]["clusterLabelSelectors"] = [{"matchExpressions": [named]}]
    answer = updates.create(body, dry_run=True)
    assert answer.code == 201, answer.body


def test_the_release_never_changes_and_the_plan_only_grows(
    updates: Ibgus, unique_name: Callable[[str], str]
) -> None:
    name = unique_name("grows")
    mirrors = [{"source": "quay.example", "mirrors": ["mirror.example"]}]
    body = fleet_update(name, step("Check"), signatures=["c2lnbmVk"], mirrors=mirrors)
    assert updates.create(body).code == 201
    newer = {"op": "replace", "path": "/spec/update/release/version", "value": "4.16.13"}
    answer = updates.patch(name, [newer])
    assert (answer.code, answer.causes) == (422, [("spec.update", "update is immutable")])
    assert updates.append(name, step("Update")).code == 200
    shorter = {"op": "remove", "path": "/spec/plan/1"}
    answer = updates.patch(name, [shorter])
    assert (answer.code, answer.causes) == (422, [("spec.plan", "plan is append only")])


def test_a_force_is_no_field(updates: Ibgus) -> None:
    body = fleet_update("forced", release={**RELEASE, "force": True})
    answer = updates.create(body, dry_run=True)
    assert answer.code == 201
    assert "force" not in answer.body["spec"]["update"]["release"]


def test_a_converted_cluster_group_upgrade_is_taken(updates: Ibgus) -> None:
    signature = {
        "kind": "ConfigMap",
        "metadata": {"labels": {"release.openshift.io/verification-signatures": ""}},
        "binaryData": {f"sha256-{'a' * 64}-1": "c2lnbmVk"},
    }
    mirrors = [{"source": "quay.example", "mirrors": ["mirror.example"]}]
    brought = [
        {"kind": "ClusterVersion", "spec": {"desiredUpdate": RELEASE}},
        {"kind": "ImageDigestMirrorSet", "spec": {"imageDigestMirrors": mirrors}},
        signature,
    ]
    templates = [{"complianceType": "musthave", "objectDefinition": each} for each in brought]
    definition = {"spec": {"object-templates": templates}}
    policy = {
        "metadata": {"name": "platform"},
        "spec": {"policy-templates": [{"objectDefinition": definition}]},
    }
    cgu = {
        "metadata": {"name": "converted", "namespace": "default"},
        "spec": {
            "clusters": ["site-1"],
            "managedPolicies": ["platform"],
            "remediationStrategy": {"maxConcurrency": 10},
        },
    }
    answer = updates.create(convert(cgu, [policy]).fleet_update, dry_run=True)
    assert answer.code == 201, answer.body
    assert answer.body["spec"]["update"]["signatures"] == ["c2lnbmVk"]
