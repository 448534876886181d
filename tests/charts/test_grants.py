"""Approvals, broken glass and authors of steps on the real API server: nobody names another one."""

import json
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import yaml

from ibgu.core.model import names
from ibgu.core.model.grants import BreakGlass, RolloutApproval
from ibgu.core.model.names import step_author
from ibgu.core.plan.grants import POLICY
from ibgu.hub.decode import decode_one
from ibgu.hub.writing.changes import field_manager
from ibgu.sandbox.hub import SandboxHub
from ibgu.sandbox.kubectl import Kubectl, KubectlResult
from tests.charts.rendering import Object, render

APPROVAL: Object = {
    "rollout": {"name": "region-7"},
    "step": 2,
    "before": "FinalizeUpgrade",
    "user": "nora",
    "comment": "CHG-4711",
    "until": "2027-01-01T00:00:00Z",
}
GLASS: Object = {
    "rollout": {"name": "region-7", "kind": "FleetUpdate", "uid": "u-1"},
    "gates": ["RolloutPolicy/ran-nights", "ClusterHold"],
    "user": "nora",
    "reason": "INC-7",
    "until": "2027-01-01T00:00:00Z",
}
WRITTEN = (
    "imagebasedgroupupgrades.lcm.openshift.io",
    "rolloutapprovals.ibgu.dev",
    "breakglasses.ibgu.dev",
)
STEP: Object = {
    "actions": ["Prep"],
    "rolloutStrategy": {"maxConcurrency": 1, "timeout": 60},
}


def policy(values: Object | None = None, *options: str) -> list[Object]:
    return [o for o in render(values, (), *options) if o["metadata"]["name"] == POLICY]


def grant(kind: str, name: str, spec: Object) -> str:
    meta = {"name": name, "namespace": "ran"}
    return json.dumps(
        {"apiVersion": "ibgu.dev/v1alpha1", "kind": kind, "metadata": meta, "spec": spec}
    )


def ibgu(name: str, *steps: Object, **annotations: str) -> str:
    return json.dumps(
        {
            "apiVersion": "lcm.openshift.io/v1alpha1",
            "kind": "ImageBasedGroupUpgrade",
            "metadata": {"name": name, "namespace": "ran", "annotations": annotations},
            "spec": {
                "ibuSpec": {"seedImageRef": {"image": "quay.io/seed:v1", "version": "4.17.1"}},
                "clusterLabelSelectors": [{"matchLabels": {"region": "7"}}],
                "plan": list(steps),
            },
        }
    )


@pytest.fixture(scope="module")
def kubectl() -> Iterator[Kubectl]:
    """A hub with the policy, where nora and olga may write rollouts and grants, and velero
    everything."""
    with SandboxHub() as hub:
        kubectl = Kubectl(hub)
        kubectl("create", "namespace", "ran")
        kubectl("create", "clusterrole", "tenant", "--verb=*", f"--resource={','.join(WRITTEN)}")
        users = ("--user=nora", "--user=olga")
        kubectl("create", "clusterrolebinding", "tenants", "--clusterrole=tenant", *users)
        admin = ("--clusterrole=cluster-admin", "--user=velero")
        kubectl("create", "clusterrolebinding", "backups", *admin)
        kubectl("apply", "-f", "-", stdin=yaml.safe_dump_all(policy()))
        end = time.monotonic() + 180
        while not write(kubectl, "olga", grant("BreakGlass", "first", GLASS)).code:
            assert time.monotonic() < end, "the policy is not enforced"
            kubectl("delete", "breakglass", "first", "-n", "ran")
            time.sleep(0.1)
        yield kubectl


def write(kubectl: Kubectl, user: str, manifest: str, verb: str = "create") -> KubectlResult:
    return kubectl.run("--as", user, verb, "-f", "-", stdin=manifest)


def test_full_grants_are_accepted_and_read(kubectl: Kubectl) -> None:
    for kind, spec in (("RolloutApproval", APPROVAL), ("BreakGlass", GLASS)):
        written = write(kubectl, "nora", grant(kind, "full", spec))
        assert not written.code, written.err
    approval = kubectl("get", "rolloutapproval", "full", "-n", "ran", "-o", "json")
    glass = kubectl("get", "breakglass", "full", "-n", "ran", "-o", "json")
    read = decode_one("approval", approval.encode(), RolloutApproval).spec
    assert (read.rollout.kind, read.step, read.user) == ("ImageBasedGroupUpgrade", 2, "nora")
    assert decode_one("glass", glass.encode(), BreakGlass).spec.gates == GLASS["gates"]


@pytest.mark.parametrize(
    ("kind", "spec"), [("RolloutApproval", APPROVAL), ("BreakGlass", GLASS)], ids=str
)
def test_nobody_grants_in_the_name_of_another(kubectl: Kubectl, kind: str, spec: Object) -> None:
    refused = write(kubectl, "olga", grant(kind, "forged", spec))
    words = f"olga may not write a {kind} in the name of nora: spec.user must be your own name"
    assert words in refused.err
    written = write(kubectl, "nora", grant(kind, f"of-nora-{kind.lower()}", spec))
    assert not written.code, written.err


def test_a_grant_never_changes_but_may_get_labels_and_go(kubectl: Kubectl) -> None:
    write(kubectl, "nora", grant("RolloutApproval", "fixed", APPROVAL))
    other = {"spec": {"step": 1}}
    patch = ("patch", "rolloutapproval", "fixed", "-n", "ran", "--type=merge", "-p")
    changed = kubectl.run("--as", "nora", *patch, json.dumps(other))
    assert "spec is immutable; delete the object and create another one" in changed.err
    taken = kubectl.run("--as", "olga", *patch, json.dumps({"spec": {"user": "olga"}}))
    assert taken.code
    labelled = kubectl.run("--as", "olga", *patch, '{"metadata":{"labels":{"seen":"yes"}}}')
    assert not labelled.code, labelled.err
    deleted = kubectl.run("--as", "olga", "delete", "rolloutapproval", "fixed", "-n", "ran")
    assert not deleted.code, deleted.err


@pytest.mark.parametrize(
    ("kind", "spec"),
    [
        ("RolloutApproval", {**APPROVAL, "step": 0}),
        ("RolloutApproval", {**APPROVAL, "before": "finalize it"}),
        ("RolloutApproval", {**APPROVAL, "until": "tomorrow"}),
        ("RolloutApproval", {**APPROVAL, "rollout": {"name": ""}}),
        ("RolloutApproval", {**APPROVAL, "rollout": {"name": "a", "kind": "Deployment"}}),
        ("BreakGlass", {**GLASS, "gates": []}),
        ("BreakGlass", {**GLASS, "reason": ""}),
        ("BreakGlass", {key: value for key, value in GLASS.items() if key != "until"}),
    ],
    ids=str,
)
def test_a_grant_without_a_meaning_is_refused(kubectl: Kubectl, kind: str, spec: Object) -> None:
    refused = write(kubectl, "nora", grant(kind, "wrong", spec))
    assert refused.code
    assert "is invalid" in refused.err


def test_nobody_names_another_one_as_the_author_of_a_step(
    kubectl: Kubectl, unique_name: Callable[[str], str]
) -> None:
    name = unique_name("authored")
    forged = write(kubectl, "olga", ibgu(name, STEP, **{step_author(0): "nora"}))
    assert f"olga may not name nora in the annotation {step_author(0)}" in forged.err
    plain = write(kubectl, "olga", ibgu(name, STEP, **{step_author(0): "olga"}))
    assert not plain.code, plain.err
    patch = ("patch", "imagebasedgroupupgrade", name, "-n", "ran", "--type=merge", "-p")

    def annotate(user: str, **given: str | None) -> KubectlResult:
        return kubectl.run("--as", user, *patch, json.dumps({"metadata": {"annotations": given}}))

    assert annotate("nora", **{step_author(0): "nora"}).code == 0, "an author of their own will"
    assert annotate("olga", **{step_author(0): "carol"}).code
    assert "the plan does not have" in annotate("olga", **{step_author(1): "olga"}).err
    assert annotate("olga", other="value").code == 0
    assert annotate("olga", **{step_author(0): None}).code == 0


@pytest.mark.parametrize("prefix", names.REST_MANAGERS.values())
def test_nobody_writes_as_the_user_of_another_ones_request(
    kubectl: Kubectl, unique_name: Callable[[str], str], prefix: str
) -> None:
    name = unique_name("managed")
    patch = ("patch", "imagebasedgroupupgrade", name, "-n", "ran", "--type=merge", "-p")

    def annotate(user: str, manager: str) -> KubectlResult:
        note = json.dumps({"metadata": {"annotations": {names.PAUSE: f"{user} {manager}"}}})
        return kubectl.run("--as", user, *patch, note, "--field-manager", manager)

    created = kubectl.run(
        *("--as", "nora", "create", "-f", "-", "--field-manager", f"{prefix}nora"),
        stdin=ibgu(name, STEP),
    )
    assert not created.code, created.err
    forged = annotate("olga", f"{prefix}carol")
    assert f"olga may not write as the field manager {prefix}carol" in forged.err
    for user, manager in (
        ("nora", f"{prefix}nora"),
        ("olga", f"{prefix}olga"),
        ("olga", "kubectl-annotate"),
        ("velero", f"{prefix}carol"),
    ):
        written = annotate(user, manager)
        assert not written.code, written.err
    assert annotate("olga", f"{prefix}olg").code, "a part of a name is another name"


def test_nobody_writes_into_the_fields_managers_of_another_one(
    kubectl: Kubectl, unique_name: Callable[[str], str]
) -> None:
    name = unique_name("listed")
    write(kubectl, "olga", ibgu(name, STEP))
    found = kubectl.get("imagebasedgroupupgrade", name, "-n", "ran", "--show-managed-fields")
    found["metadata"]["managedFields"][0]["manager"] = "ibgu-page:nora"
    forged = write(kubectl, "olga", json.dumps(found), "replace")
    assert "olga may not write as the field manager ibgu-page:nora" in forged.err
    restored = write(kubectl, "velero", json.dumps(found), "replace")
    assert not restored.code, restored.err
    changed = write(kubectl, "olga", ibgu(name, STEP, note="y"), "replace")
    assert not changed.code, changed.err


def test_the_longest_names_of_users_are_cut_as_the_api_server_asks(
    kubectl: Kubectl, unique_name: Callable[[str], str]
) -> None:
    name, user = unique_name("long"), "ü" * 70
    kubectl("create", "clusterrolebinding", "long", "--clusterrole=tenant", f"--user={user}")
    manager = field_manager(f"ibgu-page:{user}")
    options = ("create", "-f", "-", "--field-manager", manager)
    written = kubectl.run("--as", user, *options, stdin=ibgu(name, STEP))
    assert not written.code, written.err


def test_nobody_names_another_one_as_the_end_of_a_pause(
    kubectl: Kubectl, unique_name: Callable[[str], str]
) -> None:
    name = unique_name("resumed")
    write(kubectl, "nora", ibgu(name, STEP, **{names.RESUMED_BY: "nora 10:00"}))
    forged = write(kubectl, "olga", ibgu(name, STEP, **{names.RESUMED_BY: "nora 11:00"}), "apply")
    assert "olga may not write nora 11:00 in the annotation ibgu.dev/resumed-by" in forged.err
    longer = ibgu(name, STEP, **{names.RESUMED_BY: "olga smith 11:00"})
    assert write(kubectl, "olga", longer, "apply").code, "a part of a name is another name"
    own = write(kubectl, "olga", ibgu(name, STEP, **{names.RESUMED_BY: "olga 11:00"}), "apply")
    assert not own.code, own.err
    same = write(kubectl, "nora", ibgu(name, STEP, **{names.RESUMED_BY: "olga 11:00"}), "apply")
    assert not same.code, same.err


def test_a_rollout_without_authors_is_accepted(
    kubectl: Kubectl, unique_name: Callable[[str], str]
) -> None:
    written = write(kubectl, "olga", ibgu(unique_name("plain"), STEP, note="x"))
    assert not written.code, written.err


def test_no_step_is_inserted_before_one_that_has_an_author_or_an_approval(
    kubectl: Kubectl, unique_name: Callable[[str], str]
) -> None:
    """TALM's CRD lets it be: the step there would be approved with another one's approval."""
    crd = kubectl.get("crd", "imagebasedgroupupgrades.lcm.openshift.io")
    for version in crd["spec"]["versions"]:
        spec = version["schema"]["openAPIV3Schema"]["properties"]["spec"]
        del spec["properties"]["plan"]["x-kubernetes-validations"]
    kubectl("replace", "-f", "-", stdin=json.dumps(crd))
    name = unique_name("grown")
    write(kubectl, "olga", ibgu(name, STEP))
    upgrade, abort = {**STEP, "actions": ["Upgrade"]}, {**STEP, "actions": ["AbortOnFailure"]}
    appended = {step_author(1): "nora"}
    end = time.monotonic() + 60
    inserted = write(kubectl, "olga", ibgu(name, upgrade, STEP), "apply")
    while "append only" in inserted.err:
        assert time.monotonic() < end, inserted.err
        time.sleep(0.1)
        inserted = write(kubectl, "olga", ibgu(name, upgrade, STEP), "apply")
    words = f"the plan of {name} may only grow, at its end"
    assert words in inserted.err
    grown = write(kubectl, "nora", ibgu(name, STEP, abort, **appended), "apply")
    assert not grown.code, grown.err
    for steps in (
        [STEP, upgrade, abort],
        [STEP, upgrade],
        [STEP],
        [STEP, {**abort, "actions": []}],
    ):
        changed = write(kubectl, "olga", ibgu(name, *steps, **appended), "apply")
        assert words in changed.err, steps
    labelled = kubectl.run(
        *("--as", "olga", "label", "imagebasedgroupupgrade", name, "-n", "ran", "seen=yes")
    )
    assert not labelled.code, labelled.err


@pytest.mark.parametrize(
    ("values", "options", "rendered"),
    [
        ({}, ("--kube-version=1.30.0",), True),
        ({}, ("--kube-version=1.29.9",), False),
        ({"grantPolicy": {"enabled": "always"}}, ("--kube-version=1.29.9",), True),
        ({"grantPolicy": {"enabled": "never"}}, (), False),
    ],
)
def test_when_it_is_installed(values: Any, options: tuple[str, ...], rendered: bool) -> None:
    kinds = ["ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding"]
    assert [o["kind"] for o in policy(values, *options)] == (kinds if rendered else [])
