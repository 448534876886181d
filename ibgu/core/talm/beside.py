"""Whether ibgu may act beside a live TALM (R20.7): a policy keeps TALM from IBGUs, and nothing of
TALM's has appeared in spite of it."""

import re
from collections.abc import Iterable
from datetime import datetime, timedelta

from msgspec import DecodeError, Struct, field, json

from ibgu.core.model.bounds import moment
from ibgu.core.model.kinds import (
    ClusterGroupUpgrade,
    JsonObject,
    ManagedFieldsMeta,
    WireStruct,
)
from ibgu.core.talm import names
from ibgu.core.text.harmless import one_line

POLICY = "ibgu-beside-talm"
"""The name of the ValidatingAdmissionPolicy, and of its binding."""
ACCOUNTS = "TALM_ACCOUNTS"
"""Stands in the shipped policy for the list of TALM's service accounts."""
SETTLED = 30.0
"""Seconds for which policy and binding must be unchanged."""
LEARNED = timedelta(seconds=10)
"""The time in which all API servers learn of a policy."""
OWN_MANAGER = "ibgu"
"""The field manager of ibgu's status writes."""

_ACCOUNT = re.compile(r"system:serviceaccount:[a-z0-9-]+:[a-z0-9.-]+")


class AdmissionObject(WireStruct, frozen=True, gc=False, rename="camel"):
    """A ValidatingAdmissionPolicy or its binding."""

    metadata: ManagedFieldsMeta
    spec: JsonObject = field(default_factory=dict)


class ShippedPolicy(Struct, frozen=True):
    """The specs that the chart ships, with `ACCOUNTS` for TALM's service accounts."""

    policy: JsonObject
    binding: JsonObject


class InstalledPolicy(Struct, frozen=True, kw_only=True):
    """The policy as the hub shows it, None for what is not there."""

    policy: AdmissionObject | None = None
    binding: AdmissionObject | None = None
    since: float = 0.0
    """Since when both are as they are now, in seconds of one clock."""

    @property
    def there(self) -> bool:
        return self.policy is not None or self.binding is not None


class ForeignStatus(Struct, frozen=True):
    """A status of an IBGU that ibgu has not written."""

    ibgu: str
    """namespace/name."""
    manager: str
    """The field manager that wrote it."""
    written: datetime


class LiveTalm(Struct, frozen=True):
    namespace: str
    account: str = ""
    """The name of the user that its Deployment's service account is; empty: not known."""


def unenforced(
    installed: InstalledPolicy, shipped: ShippedPolicy, talms: Iterable[LiveTalm]
) -> str:
    """Returns why the policy does not keep these TALMs from IBGUs; empty: it does."""
    policy, binding = installed.policy, installed.binding
    if policy is None or binding is None:
        lacking = "has no binding" if policy is not None else "is not installed"
        return f"the ValidatingAdmissionPolicy {POLICY} {lacking}"
    accounts = _accounts(policy.spec, shipped.policy)
    if accounts is None or policy.metadata.deletion_timestamp is not None:
        return f"the ValidatingAdmissionPolicy {POLICY} is not as the chart ships it"
    if binding.spec != shipped.binding or binding.metadata.deletion_timestamp is not None:
        return f"the binding of {POLICY} is not as the chart ships it"
    for talm in talms:
        if not talm.account:
            return f"the service account of TALM's Deployment in {talm.namespace} is not known"
        if talm.account not in accounts:
            return f"the policy {POLICY} does not name {talm.account}, as which TALM runs"
    return ""


def unsettled(installed: InstalledPolicy, now: float) -> str:
    """Returns why the policy does not count yet; empty: it does. `now`: by the clock of `since`."""
    if now - installed.since < SETTLED:
        return f"the policy {POLICY} was changed in the last {SETTLED:.0f} s, and must settle"
    return ""


def running(problem: str) -> str:
    """Returns the message of a hold; `problem`: why ibgu may not act beside TALM."""
    return (
        f"TALM is running on this hub, and {problem}: ibgu writes nothing until TALM is stopped, "
        f"or {POLICY} keeps it from ImageBasedGroupUpgrades"
    )


def running_in(namespace: str, breach: str) -> str:
    """Returns the message of a hold of the namespace's rollouts; `breach`: what has appeared
    there."""
    return (
        f"TALM is running on this hub, and {breach}: ibgu starts nothing in namespace {namespace} "
        "until that is deleted, or until somebody has found out why the policy was not enforced, "
        "and installed it again"
    )


def unknown(error: str) -> str:
    """Returns the message of a hold; `error`: why the hub does not say whether TALM runs."""
    return (
        f"ibgu can't tell whether TALM runs on this hub, and writes nothing until it can: {error}"
    )


def _accounts(found: JsonObject, shipped: JsonObject) -> frozenset[str] | None:
    """Returns the accounts that the policy denies; None: it differs from the shipped one in more
    than those."""
    [condition] = shipped["matchConditions"]
    head, _, tail = condition["expression"].partition(ACCOUNTS)
    conditions = found.get("matchConditions")
    expression = conditions[0].get("expression", "") if conditions else ""
    listed = expression.removeprefix(head).removesuffix(tail)
    try:
        accounts = json.decode(listed, type=list[str])
    except DecodeError:
        return None
    alike = {**condition, "expression": f"{head}{listed}{tail}"}
    if found != {**shipped, "matchConditions": [alike]}:
        return None
    return frozenset(accounts) if all(map(_ACCOUNT.fullmatch, accounts)) else None


def enforced_since(installed: InstalledPolicy) -> datetime | None:
    """Returns when policy or binding was last changed, by the hub's clock."""
    metas = [each.metadata for each in (installed.policy, installed.binding) if each is not None]
    times = [meta.creation_timestamp for meta in metas]
    times += [by.time for meta in metas for by in meta.managed_fields if not by.subresource]
    return max(filter(None, map(moment, times)), default=None)


def breaches(
    installed: InstalledPolicy,
    statuses: Iterable[ForeignStatus],
    groups: Iterable[ClusterGroupUpgrade],
) -> dict[str, str]:
    """Returns what has appeared of TALM's since the policy is enforced, by the namespace of the
    IBGU.

    What is older was left from before: it holds its own IBGU only. A ManifestWork of TALM's is no
    breach: it holds its cluster (R20.5), whose agent could forge it.
    """
    since = enforced_since(installed)
    if since is None:
        return {}
    limit = since + LEARNED
    found: dict[str, str] = {}
    for group in groups:
        meta = group.metadata
        if names.IBGU in meta.labels and _after(moment(meta.creation_timestamp), limit):
            what = f"the ClusterGroupUpgrade {meta.namespace}/{meta.name} of an IBGU"
            found.setdefault(meta.namespace, what)
    for status in statuses:
        if status.written > limit:
            what = f"a status of the IBGU {status.ibgu}, written by {one_line(status.manager)},"
            found.setdefault(status.ibgu.partition("/")[0], what)
    return {namespace: _in_spite(what) for namespace, what in found.items()}


def foreign_status(meta: ManagedFieldsMeta) -> ForeignStatus | None:
    """Returns the newest status that someone else wrote and that the IBGU still shows; ibgu's
    next write may take the last trace of it away."""
    named = f"{meta.namespace}/{meta.name}"
    found = [
        ForeignStatus(named, by.manager, when)
        for by in meta.managed_fields
        if by.subresource == "status" and by.manager != OWN_MANAGER
        if (when := moment(by.time)) is not None
    ]
    return max(found, key=lambda each: each.written, default=None)


def _in_spite(what: str) -> str:
    return f"{what} has appeared in spite of the policy {POLICY}"


def _after(when: datetime | None, limit: datetime) -> bool:
    return when is not None and when > limit
