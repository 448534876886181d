"""The operators of an image-based upgrade: Lifecycle Agent and OADP, installed by OLM."""

import re
from collections.abc import Sequence

from msgspec import Struct

from ibgu.core.drivers.ibu.preflight.inspection import Reading, ReadResult
from ibgu.core.drivers.ibu.preflight.inspection.objects import (
    AGENT_OPERATOR,
    CSV,
    OADP_OPERATOR,
    InspectedObject,
)
from ibgu.core.drivers.ibu.preparation.model import (
    IBU,
    OWNER,
    OWNER_PATH,
    PreparationKind,
    Readings,
    WrittenObject,
    busy,
    for_git,
    foreign,
    manifest,
    rule,
)
from ibgu.core.model.kinds import JsonObject

_OLM = "operators.coreos.com"
_CHANNEL = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}")
_RELEASE = re.compile(r"[A-Za-z]+-(\d{1,4})\.(\d{1,4})(?:\D.*)?")
_SUBSCRIPTION = "subscription"
_FIELDS = ("channel", "source", "sourceNamespace", "installPlanApproval")


class Catalog(Struct, frozen=True):
    """Catalog is where OLM finds the operators, and who approves their installation."""

    source: str = "redhat-operators"
    namespace: str = "openshift-marketplace"
    approval: str = "Automatic"


class Operator(Struct, frozen=True):
    """Operator is one package, with the names that the manual's files for policies have, so that a
    policy can take the objects over later."""

    package: str
    channel: str
    oldest: tuple[int, int]
    """The first release that an image-based upgrade needs."""
    installed: InspectedObject
    """OLM's Operator, which is there whatever the Subscription is called."""
    namespace: InspectedObject
    group: InspectedObject
    other_groups: tuple[InspectedObject, ...]
    """OperatorGroups by other names of the manual: two in a namespace stop every operator there."""
    subscription: InspectedObject
    annotations: tuple[tuple[str, str], ...] = ()
    """Annotations of the namespace."""

    def channel_fault(self, channel: str) -> str:
        """Returns why the channel can't be subscribed to; empty: it can."""
        if not _CHANNEL.fullmatch(channel):
            return f"{channel!r} isn't the name of a channel, such as {self.channel}"
        named = _RELEASE.fullmatch(channel)
        if named and (int(named[1]), int(named[2])) < self.oldest:
            return f"{channel} is before {'.'.join(map(str, self.oldest))}, which is required"
        return ""


def _operator(each: InspectedObject) -> InspectedObject:
    path = '.status.components.refs[?(@.kind=="Subscription")].name'
    paths = {**each.paths, _SUBSCRIPTION: path}
    return InspectedObject(each.group, each.version, each.kind, each.resource, each.name,
                           paths=paths)  # fmt: skip


def _group(name: str, namespace: str) -> InspectedObject:
    return InspectedObject(_OLM, "v1", "OperatorGroup", "operatorgroups", name, namespace,
                           {OWNER: OWNER_PATH})  # fmt: skip


def _subscription(name: str, namespace: str) -> InspectedObject:
    paths = {OWNER: OWNER_PATH, **{field: f".spec.{field}" for field in _FIELDS}}
    return InspectedObject(_OLM, "v1alpha1", "Subscription", "subscriptions", name, namespace,
                           paths)  # fmt: skip


def _namespace(name: str) -> InspectedObject:
    return InspectedObject("", "v1", "Namespace", "namespaces", name)


_LCA_NAMESPACE = "openshift-lifecycle-agent"
_ADP_NAMESPACE = "openshift-adp"
LIFECYCLE_AGENT = Operator(
    package="lifecycle-agent",
    channel="stable",
    oldest=(4, 16),
    installed=_operator(AGENT_OPERATOR),
    namespace=_namespace(_LCA_NAMESPACE),
    group=_group("lifecycle-agent-operatorgroup", _LCA_NAMESPACE),
    other_groups=(_group(_LCA_NAMESPACE, _LCA_NAMESPACE),),
    subscription=_subscription("lifecycle-agent", _LCA_NAMESPACE),
    annotations=(("workload.openshift.io/allowed", "management"),),
)
OADP = Operator(
    package="redhat-oadp-operator",
    channel="stable-1.4",
    oldest=(1, 4),
    installed=_operator(OADP_OPERATOR),
    namespace=_namespace(_ADP_NAMESPACE),
    group=_group("redhat-oadp-operator", _ADP_NAMESPACE),
    other_groups=(_group(_ADP_NAMESPACE, _ADP_NAMESPACE),),
    subscription=_subscription("redhat-oadp-operator", _ADP_NAMESPACE),
)


class OperatorsPreparation(Struct, frozen=True):
    """OperatorsPreparation installs what a cluster lacks. An operator that somebody else has
    installed, under whatever name, is left as it is."""

    operators: tuple[tuple[Operator, str], ...]
    """Each with its channel."""
    catalog: Catalog = Catalog()

    @property
    def kind(self) -> PreparationKind:
        return PreparationKind.OPERATORS

    @property
    def reads(self) -> Sequence[InspectedObject]:
        found = [
            each
            for operator, _ in self.operators
            for each in (
                *(operator.installed, operator.group, *operator.other_groups),
                operator.subscription,
            )
        ]
        return (IBU, *found)

    @property
    def rules(self) -> Sequence[JsonObject]:
        reads = [rule(each, "get") for each in self.reads]
        writes = [
            rule(each, "patch")
            for operator, _ in self.operators
            for each in (operator.group, operator.subscription)
        ]
        # A create can't be limited to names: the name is not known when it is authorized.
        create: JsonObject = {
            "apiGroups": [_OLM],
            "resources": ["operatorgroups", "subscriptions"],
            "verbs": ["create"],
        }
        return (*reads, *writes, create)

    def summary(self) -> str:
        packages = [f"{operator.package} ({channel})" for operator, channel in self.operators]
        where = f"{self.catalog.namespace}/{self.catalog.source}"
        return f"{', '.join(packages)} from {where}, approval {self.catalog.approval}"

    def objection(self, readings: Readings) -> str:
        if readings[self.operators[0][0].subscription].result is ReadResult.NO_KIND:
            return "does not serve OLM's Subscriptions"
        if all(_taken(operator, readings) for operator, _ in self.operators):
            installed = [_installed(operator, readings) for operator, _ in self.operators]
            return f"has them already, managed elsewhere: {', '.join(installed)}"
        return busy(readings)

    def writes(self, readings: Readings) -> Sequence[Sequence[WrittenObject]]:
        missing = [
            each
            for operator, channel in self.operators
            if not _taken(operator, readings) and not self._subscribed(operator, channel, readings)
            for each in self._objects(operator, channel)
        ]
        return (missing,) if missing else ()

    def state(self, readings: Readings) -> str:
        return ", ".join(_installed(operator, readings) for operator, _ in self.operators)

    def files(self) -> Sequence[JsonObject]:
        objects = (each for found in self.operators for each in self._objects(*found))
        return [for_git(each.manifest) for each in objects]

    def _objects(self, operator: Operator, channel: str) -> list[WrittenObject]:
        space, group, subscription = operator.namespace, operator.group, operator.subscription
        # A namespace may be somebody else's: it gets no label of ours.
        namespace: JsonObject = {"apiVersion": "v1", "kind": "Namespace"}
        namespace["metadata"] = {"name": space.name}
        if operator.annotations:
            namespace["metadata"]["annotations"] = dict(operator.annotations)
        return [
            WrittenObject(space, namespace),
            WrittenObject(group, manifest(group, spec={"targetNamespaces": [space.name]})),
            WrittenObject(
                subscription,
                manifest(subscription, spec={**self._spec(channel), "name": operator.package}),
            ),
        ]

    def _spec(self, channel: str) -> dict[str, str]:
        values = (channel, self.catalog.source, self.catalog.namespace, self.catalog.approval)
        return dict(zip(_FIELDS, values, strict=True))

    def _subscribed(self, operator: Operator, channel: str, readings: Readings) -> bool:
        found = readings[operator.subscription]
        spec = self._spec(channel)
        return found.found and {field: found.string(field) for field in spec} == spec


def _taken(operator: Operator, readings: Readings) -> bool:
    """Returns whether somebody else has installed the operator, or begun to."""
    named = readings[operator.installed].string(_SUBSCRIPTION)
    others = (operator.subscription, operator.group, *operator.other_groups)
    return named not in ("", operator.subscription.name) or any(
        foreign(readings[each]) for each in others
    )


def _installed(operator: Operator, readings: Readings) -> str:
    reading: Reading = readings[operator.installed]
    return reading.string(CSV) or f"{operator.package} not installed yet"
