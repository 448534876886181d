"""The compliance of a canary with the policies of Open Cluster Management, from the hub's copies of
them in the cluster's namespace."""

from collections.abc import Collection

from ibgu.core.engine.state.health_observations import HealthFinding
from ibgu.core.model.kinds import ObjectMeta, WireStruct
from ibgu.core.text.harmless import one_line

_COMPLIANT = "Compliant"
_NON_COMPLIANT = "NonCompliant"
_SHOWN = 100
"""Characters that are shown of what the hub reports."""


class _PolicySpec(WireStruct, frozen=True, gc=False, rename="camel"):
    disabled: bool = False


class _PolicyStatus(WireStruct, frozen=True, gc=False, rename="camel"):
    compliant: str = ""


class ReplicatedPolicy(WireStruct, frozen=True, gc=False, rename="camel"):
    """ReplicatedPolicy is the hub's copy of a policy for one cluster."""

    metadata: ObjectMeta = ObjectMeta()
    spec: _PolicySpec = _PolicySpec()
    status: _PolicyStatus = _PolicyStatus()


def compliance(policies: Collection[ReplicatedPolicy]) -> HealthFinding:
    """Returns whether the cluster complies with all policies that are not disabled. Without any
    policy nothing is proven."""
    enabled = sorted(
        (each for each in policies if not each.spec.disabled), key=lambda each: each.metadata.name
    )
    if not enabled:
        return HealthFinding("no policy is bound to it, and the RolloutPolicy asks for compliance")
    for each in enabled:
        if each.status.compliant != _COMPLIANT:
            shown = one_line(each.status.compliant)[:_SHOWN] or "not reported yet"
            reported = each.status.compliant == _NON_COMPLIANT
            return HealthFinding(f"its policy {each.metadata.name} is {shown}", reported=reported)
    return HealthFinding()
