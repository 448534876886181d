"""Counts the manifests of policies that the Lifecycle Agent applies after the reboot, as it counts
them itself."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping

from msgspec import Struct, field

from ibgu.core.model.document import Document, shown
from ibgu.core.model.kinds import JsonObject, ObjectMeta, WireStruct

TARGET = "lca.openshift.io/target-ocp-version"
WAVE = "ran.openshift.io/ztp-deploy-wave"
_MUST_NOT_HAVE = "mustnothave"
_APPLIED = ("musthave", "mustonlyhave")


class PolicyTemplate(WireStruct, frozen=True, rename="camel"):
    object_definition: JsonObject = field(default_factory=dict)
    """Usually a ConfigurationPolicy."""


class PolicySpec(WireStruct, frozen=True, rename="camel"):
    remediation_action: str = ""
    disabled: bool = False
    policy_templates: list[PolicyTemplate] = field(default_factory=list, name="policy-templates")


class Policy(WireStruct, frozen=True, rename="camel"):
    """Policy is one of Open Cluster Management, as the hub has replicated it for a cluster."""

    metadata: ObjectMeta
    spec: PolicySpec = PolicySpec()


class LabelledManifests(Struct, frozen=True):
    """LabelledManifests is what a cluster's policies have with the label of a target release."""

    counted: int = 0
    """Manifests that the Lifecycle Agent counts and applies."""
    left_out: Mapping[str, int] = {}
    """Numbers of manifests that have the label, and that it does not count, by the reason."""
    rejected: int = 0
    """Manifests that it refuses to apply for their complianceType."""


class ClusterPolicies(Struct, frozen=True):
    """ClusterPolicies is what was read of the policies of one cluster."""

    found: LabelledManifests | None = None
    problem: str = ""
    """Why nothing was read."""


def labelled(policies: Iterable[Policy], releases: tuple[str, ...]) -> LabelledManifests:
    """Counts as the Lifecycle Agent does in Prep and Upgrade, on the cluster's own copies."""
    counted, rejected, left_out = 0, 0, Counter[str]()
    for policy in policies:
        why = _ignored(policy)
        for template, release in _labelled(policy):
            compliance = template.string("complianceType").lower()
            if compliance == _MUST_NOT_HAVE:
                continue
            if why:
                left_out[why] += 1
            elif release not in releases:
                left_out[f"labelled {shown(release)!r}"] += 1
            elif compliance not in _APPLIED:
                rejected += 1
            else:
                counted += 1
    return LabelledManifests(counted, left_out, rejected)


def _ignored(policy: Policy) -> str:
    """Returns why the Lifecycle Agent does not read the policy; empty if it does."""
    if policy.spec.disabled:
        return "in disabled policies"
    if policy.spec.remediation_action.lower() == "enforce":
        return "in enforced policies"
    if WAVE not in policy.metadata.annotations:
        return f"in policies without the annotation {WAVE}"
    return ""


def _labelled(policy: Policy) -> Iterator[tuple[Document, str]]:
    """Yields the object templates whose manifests carry the label, each with its value."""
    for template in policy.spec.policy_templates:
        found = Document(template.object_definition).get("spec", "object-templates")
        for each in found if isinstance(found, list) else ():
            document = Document(each if isinstance(each, dict) else {})
            release = document.string("objectDefinition", "metadata", "labels", TARGET)
            if release:
                yield document, release
