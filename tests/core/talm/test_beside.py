"""R20.7: whether the policy keeps a live TALM from IBGUs, and whether TALM obeys."""

from datetime import datetime
from typing import Any

import pytest
from msgspec.structs import replace

from ibgu.core.model.kinds import (
    ClusterGroupUpgrade,
    ClusterGroupUpgradeMeta,
    ManagedFields,
    ManagedFieldsMeta,
    RolloutObject,
)
from ibgu.core.talm.beside import (
    SETTLED,
    AdmissionObject,
    ForeignStatus,
    InstalledPolicy,
    LiveTalm,
    ShippedPolicy,
    breaches,
    foreign_status,
    running,
    running_in,
    unenforced,
    unknown,
    unsettled,
)

NAME = "system:serviceaccount:openshift-operators:talm"
TALM = LiveTalm("openshift-operators", NAME)
SHIPPED = ShippedPolicy(
    {
        "failurePolicy": "Fail",
        "matchConditions": [{"name": "talm", "expression": "user in TALM_ACCOUNTS"}],
    },
    {"policyName": "ibgu-beside-talm", "validationActions": ["Deny"]},
)
MADE = "2026-11-23T10:00:00Z"
BEFORE, SLACK, AFTER = "2026-11-23T09:59:00Z", "2026-11-23T10:00:10Z", "2026-11-23T10:00:11Z"


def spec(expression: str = f'user in ["{NAME}"]', **changed: Any) -> dict[str, Any]:
    conditions = [{"name": "talm", "expression": expression}]
    return {**SHIPPED.policy, "matchConditions": conditions, **changed}


def meta(*fields: ManagedFields, deleted: str | None = None) -> ManagedFieldsMeta:
    return ManagedFieldsMeta(
        creation_timestamp=MADE, managed_fields=list(fields), deletion_timestamp=deleted
    )


INSTALLED = InstalledPolicy(
    policy=AdmissionObject(meta(), spec()), binding=AdmissionObject(meta(), SHIPPED.binding)
)


def why(installed: InstalledPolicy, *talms: LiveTalm) -> str:
    return unenforced(installed, SHIPPED, talms or (TALM,))


def policy(found: dict[str, Any], **options: Any) -> InstalledPolicy:
    return replace(INSTALLED, policy=AdmissionObject(meta(**options), found))


def binding(**changed: Any) -> InstalledPolicy:
    return replace(INSTALLED, binding=AdmissionObject(meta(), {**SHIPPED.binding, **changed}))


def test_the_policy_counts_once_it_has_settled() -> None:
    assert why(INSTALLED) == ""
    assert unsettled(INSTALLED, SETTLED) == ""
    assert "changed in the last 30 s" in unsettled(INSTALLED, SETTLED - 0.1)


def test_more_accounts_than_that_of_talm() -> None:
    other = NAME.replace("operators", "cluster-group-upgrades")
    both = policy(spec(f'user in ["{other}","{NAME}"]'))
    assert why(both, TALM, LiveTalm("openshift-cluster-group-upgrades", other)) == ""


@pytest.mark.parametrize(
    ("talm", "words"),
    [
        (LiveTalm("talm", NAME + "-2"), f"does not name {NAME}-2, as which TALM runs"),
        (LiveTalm("talm"), "the service account of TALM's Deployment in talm is not known"),
    ],
)
def test_every_talm_must_be_named(talm: LiveTalm, words: str) -> None:
    assert words in why(INSTALLED, TALM, talm)


@pytest.mark.parametrize(
    ("installed", "words"),
    [
        (InstalledPolicy(), "ibgu-beside-talm is not installed"),
        (replace(INSTALLED, policy=None), "ibgu-beside-talm is not installed"),
        (replace(INSTALLED, binding=None), "ibgu-beside-talm has no binding"),
    ],
)
def test_a_part_is_missing(installed: InstalledPolicy, words: str) -> None:
    assert words in why(installed)
    assert installed.there is (installed != InstalledPolicy())


@pytest.mark.parametrize(
    "found",
    [
        {},
        spec(failurePolicy="Ignore"),
        spec(auditAnnotations=[]),
        spec(matchConditions=[]),
        spec(matchConditions=[{"name": "talm", "expression": f'user in ["{NAME}"]'}] * 2),
        spec(matchConditions=[{"name": "other", "expression": f'user in ["{NAME}"]'}]),
        spec(f'user in ["{NAME}"] && false'),
        spec(f'group in ["{NAME}"]'),
        spec("user in [1]"),
        spec(r'user in ["system:serviceaccount:openshift-operators:talm\n"]'),
        spec('user in ["nobody"]'),
    ],
)
def test_any_change_of_the_policy_counts(found: dict[str, Any]) -> None:
    assert why(policy(found)) == (
        "the ValidatingAdmissionPolicy ibgu-beside-talm is not as the chart ships it"
    )


@pytest.mark.parametrize(
    "changed",
    [
        {"validationActions": ["Audit"]},
        {"validationActions": ["Warn"]},
        {"validationActions": ["Deny", "Audit"]},
        {"matchResources": {"namespaceSelector": {"matchLabels": {"a": "b"}}}},
        {"policyName": "another"},
    ],
)
def test_any_change_of_the_binding_counts(changed: dict[str, Any]) -> None:
    assert why(binding(**changed)) == "the binding of ibgu-beside-talm is not as the chart ships it"


def test_a_terminating_policy_does_not_count() -> None:
    assert "is not as" in why(policy(spec(), deleted=AFTER))
    gone = AdmissionObject(meta(deleted=AFTER), SHIPPED.binding)
    assert "is not as" in why(replace(INSTALLED, binding=gone))


def test_the_message_says_what_to_do() -> None:
    assert running("it is not installed") == (
        "TALM is running on this hub, and it is not installed: ibgu writes nothing until TALM is "
        "stopped, or ibgu-beside-talm keeps it from ImageBasedGroupUpgrades"
    )


# -- in spite of it --------------------------------------------------------------------------------


def group(created: str, name: str = "ran-prep-0", ibgu: str = "ran") -> ClusterGroupUpgrade:
    labels = {"ibgu": ibgu} if ibgu else {}
    return ClusterGroupUpgrade(
        ClusterGroupUpgradeMeta(
            name=name, namespace="default", creation_timestamp=created, labels=labels
        )
    )


def ibgu(time: str, manager: str = "talm", subresource: str = "status") -> RolloutObject:
    by = ManagedFields(manager=manager, subresource=subresource, time=time)
    return RolloutObject(ManagedFieldsMeta(name="ran", namespace="default", managed_fields=[by]))


def breached(*found: ClusterGroupUpgrade | RolloutObject) -> dict[str, str]:
    return breaches(
        INSTALLED,
        [
            status
            for each in found
            if isinstance(each, RolloutObject)
            if (status := foreign_status(each.metadata)) is not None
        ],
        [each for each in found if isinstance(each, ClusterGroupUpgrade)],
    )


@pytest.mark.parametrize(
    ("found", "words"),
    [
        (group(AFTER), "the ClusterGroupUpgrade default/ran-prep-0 of an IBGU has appeared"),
        (ibgu(AFTER), "a status of the IBGU default/ran, written by talm, has appeared"),
        (ibgu(AFTER, "x\ny"), "a status of the IBGU default/ran, written by x y, has appeared"),
    ],
)
def test_new_objects_of_talm_breach_the_policy(
    found: ClusterGroupUpgrade | RolloutObject, words: str
) -> None:
    assert breached(found) == {"default": f"{words} in spite of the policy ibgu-beside-talm"}


def test_a_breach_is_of_its_namespace_alone() -> None:
    other = ibgu(AFTER)
    other = replace(other, metadata=replace(other.metadata, namespace="ran"))
    found = breached(group(AFTER), other)
    assert found.keys() == {"default", "ran"}
    assert "default" not in found["ran"]
    assert running_in("ran", found["ran"]).endswith(
        "ibgu starts nothing in namespace ran until that is deleted, or until somebody has found "
        "out why the policy was not enforced, and installed it again"
    )


@pytest.mark.parametrize("when", [BEFORE, SLACK])
def test_objects_from_before_the_policy_are_no_breach(when: str) -> None:
    assert breached(group(when), ibgu(when)) == {}


def test_unrelated_objects_of_talm_and_ibgu_are_no_breach() -> None:
    assert breached(group(AFTER, "own", ibgu="")) == {}
    assert breached(ibgu(AFTER, "ibgu"), ibgu(AFTER, "kubectl", subresource="")) == {}


def test_the_newest_status_of_somebody_else_counts() -> None:
    times = (BEFORE, AFTER, SLACK)
    by = [ManagedFields(manager=time, subresource="status", time=time) for time in times]
    found = foreign_status(ManagedFieldsMeta(name="ran", namespace="default", managed_fields=by))
    assert found == ForeignStatus("default/ran", AFTER, datetime.fromisoformat(AFTER))


def test_a_later_change_of_the_policy_is_what_counts() -> None:
    changed = ManagedFields(manager="helm", time="2026-11-23T11:00:00Z")
    told = ManagedFields(manager="kas", time="2026-11-23T12:00:00Z", subresource="status")
    later = replace(INSTALLED, policy=AdmissionObject(meta(changed, told), spec()))
    found = [group("2026-11-23T10:30:00Z")]
    assert breaches(later, [], found) == {}
    assert breaches(later, [], [group("2026-11-23T11:30:00Z")]) != {}


def test_without_a_policy_there_is_nothing_to_break() -> None:
    assert breaches(InstalledPolicy(), [], [group(AFTER)]) == {}


def test_a_hold_says_why_nobody_knows_whether_talm_runs() -> None:
    """The hub's own words name the right that is missing."""
    words = unknown("GET /leases/talm: Forbidden")
    assert words.endswith("writes nothing until it can: GET /leases/talm: Forbidden")
