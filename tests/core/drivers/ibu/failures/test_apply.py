"""Messages of the cluster's API server, as measured through the work agent."""

import pytest

from ibgu.core.drivers.ibu.failures import ApplyError, classify, refused_field

AGENT = "Failed to apply manifest: "
INVALID = f'{AGENT}ImageBasedUpgrade.lca.openshift.io "upgrade" is invalid: '
TRANSITION = (
    "the stage transition is not permitted. Please refer to status.validNextStages for valid "
    "transitions. If status.validNextStages is not present, it indicates that no transitions are "
    "currently allowed"
)
SPEC = "can not change spec.seedImageRef while ibu is in progress"
SERVICE_ACCOUNT = (
    'User "system:serviceaccount:open-cluster-management-agent:klusterlet-work-sa" cannot'
)


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        (f"{INVALID}<nil>: Invalid value: {TRANSITION}", ApplyError.REFUSED_TRANSITION),
        (
            f'{INVALID}<nil>: Invalid value: "object": {TRANSITION}',
            ApplyError.REFUSED_TRANSITION,
        ),
        (f"{INVALID}<nil>: Invalid value: {SPEC}", ApplyError.REFUSED_SPEC),
        (
            f"{INVALID}[<nil>: Invalid value: {TRANSITION}, <nil>: Invalid value: {SPEC}]",
            ApplyError.REFUSED_SPEC,
        ),
        (
            f'{AGENT}the server doesn\'t have a resource type "ImageBasedUpgrade"',
            ApplyError.ABSENT,
        ),
        (
            f'{AGENT}no matches for kind "ImageBasedUpgrade" in version "lca.openshift.io/v1"',
            ApplyError.ABSENT,
        ),
        (
            f'{INVALID}spec.stage: Unsupported value: "Disarmed": supported values: "Idle", '
            '"Prep", "Upgrade", "Rollback"',
            ApplyError.ABSENT,
        ),
        (
            f'{AGENT}imagebasedupgrades.lca.openshift.io "upgrade" not found',
            ApplyError.ABSENT,
        ),
        (
            f'{AGENT}imagebasedupgrades.lca.openshift.io "upgrade" is forbidden: '
            f'{SERVICE_ACCOUNT} get resource "imagebasedupgrades"',
            ApplyError.HEALING,
        ),
        (
            "Executor is not allowed to apply the resource, will try again in 1m0s",
            ApplyError.HEALING,
        ),
        (f'{AGENT}namespaces "openshift-adp" not found', ApplyError.HEALING),
        (
            f'{AGENT}configmaps "x" is forbidden: unable to create new content in namespace y '
            "because it is being terminated",
            ApplyError.HEALING,
        ),
        (
            f"{AGENT}Put https://api:6443/x: dial tcp 10.0.0.1:6443: connect: connection refused",
            ApplyError.HEALING,
        ),
        (f"{AGENT}etcdserver: request timed out", ApplyError.HEALING),
        (
            f"{AGENT}Operation cannot be fulfilled: the object has been modified",
            ApplyError.HEALING,
        ),
        (f"{AGENT}unexpected EOF", ApplyError.HEALING),
        (
            f'{AGENT}ConfigMap "x" is invalid: data[a b]: Invalid value',
            ApplyError.OTHER,
        ),
        (
            f'{INVALID}spec.seedImageRef.image: Invalid value: "a b"',
            ApplyError.OTHER,
        ),
    ],
)
def test_apply_errors_are_classified(message: str, expected: ApplyError) -> None:
    assert classify(message) is expected


def test_the_refused_field_is_named() -> None:
    assert refused_field(f"{INVALID}<nil>: Invalid value: {SPEC}") == "seedImageRef"
    assert refused_field(f"{INVALID}<nil>: Invalid value: {TRANSITION}") == ""
