"""Compares what an identity may do on the hub with what ibgu's roles need."""

import asyncio
from collections.abc import Iterable, Iterator
from functools import cache
from typing import Any

from msgspec import Struct, field

from ibgu.core.model.kinds import JsonObject
from ibgu.hub import paths
from ibgu.hub.decode import decode_one
from ibgu.hub.port import Hub
from ibgu.resources import shipped

ROLES = ("controller", "leader", "api", "payload-reader")
"""Files of the chart, and the roles in them: ibgu-controller and so on."""
ADOPTER = "adopter"
"""The role that only taking over from TALM needs (ibgu.dev/adopt)."""
TENANCY = "tenancy"
"""The role that only IBGU_TENANCY=clustersets needs."""
FOLLOW_UPS = "policy-follow-ups"
"""The role that only RolloutPolicies need by which ibgu makes rollouts (canaries.rollback,
retry)."""
CANARY_POLICIES = "canary-policies"
"""The role that only RolloutPolicies need whose canaries must comply with policies."""
_CONCURRENCY = 8
"""Concurrent reviews."""


class Right(Struct, frozen=True, order=True):
    """Right is one verb on one kind of object, or ("get", path=...) on a path that is no
    object's."""

    verb: str
    group: str = ""
    resource: str = ""
    """The resource with its subresource, as in a role: "imagebasedgroupupgrades/status"."""
    namespace: str = ""
    """Empty: in all of them."""
    name: str = ""
    """Empty: of any name."""
    path: str = ""

    def __str__(self) -> str:
        """Returns the right as in: patch managedclusters.cluster.open-cluster-management.io."""
        if self.path:
            return f"{self.verb} {self.path}"
        plural, slash, sub = self.resource.partition("/")
        what = f"{plural}.{self.group}{slash}{sub}" if self.group else self.resource
        name = f" {self.name}" if self.name else ""
        where = f" in namespace {self.namespace}" if self.namespace else ""
        return f"{self.verb} {what}{name}{where}"

    def within(self, granted: "Right") -> bool:
        """Returns whether `granted`, of any namespace, is this right or a wider one."""
        same = (self.verb, self.group, self.resource, self.path)
        return same == (granted.verb, granted.group, granted.resource, granted.path) and (
            granted.name in ("", self.name)
        )


class Account(Struct, frozen=True):
    """Account is a ServiceAccount."""

    namespace: str
    name: str

    @property
    def username(self) -> str:
        return f"system:serviceaccount:{self.namespace}:{self.name}"

    @property
    def groups(self) -> tuple[str, ...]:
        mine = f"system:serviceaccounts:{self.namespace}"
        return ("system:serviceaccounts", mine, "system:authenticated")


def needed(role: str, namespace: str = "", name: str = "") -> list[Right]:
    """Returns all rights that one of ROLES grants, each verb separately.

    `namespace` is where the role is bound, "" for everywhere; `name` is used where a rule names no
    object and the verb is about a single one. A watch is: of the field selector metadata.name=NAME
    the API server makes the name that a rule has to allow.
    """
    return [right for rule in _rules(role) for right in _of_rule(rule, namespace, name)]


def role_of(right: Right) -> str:
    """Returns the one of ROLES that grants the right."""
    roles = (*ROLES, TENANCY, ADOPTER, FOLLOW_UPS, CANARY_POLICIES)
    return next(role for role in roles if any(map(right.within, needed(role))))


@cache
def _rules(role: str) -> tuple[JsonObject, ...]:
    import yaml

    file = shipped("charts/ibgu") / "files" / "rbac" / f"{role}.yaml"
    return tuple(yaml.safe_load(file.read_text())["rules"])


def _of_rule(rule: JsonObject, namespace: str, name: str) -> Iterator[Right]:
    for verb in rule["verbs"]:
        for path in rule.get("nonResourceURLs", ()):
            yield Right(verb, path=path)
        single = "" if verb in ("list", "create") else name
        for group in rule.get("apiGroups", ()):
            for resource in rule["resources"]:
                for each in rule.get("resourceNames", (single,)):
                    yield Right(verb, group, resource, namespace, each)


async def refused(
    client: Hub, rights: Iterable[Right], account: Account | None = None
) -> list[Right]:
    """Returns the rights that the caller (or `account`, which takes an administrator) lacks. Raises
    HubError if the hub gives no answer, or denies the question."""
    asked = list(dict.fromkeys(rights))
    gate = asyncio.Semaphore(_CONCURRENCY)

    async def ask(right: Right) -> bool:
        async with gate:
            return await _allowed(client, right, account)

    answers = await asyncio.gather(*map(ask, asked))
    return [right for right, allowed in zip(asked, answers, strict=True) if not allowed]


class _Answer(Struct):
    allowed: bool = False


class _Review(Struct):
    status: _Answer = field(default_factory=_Answer)


async def _allowed(client: Hub, right: Right, account: Account | None) -> bool:
    kind, path = "SelfSubjectAccessReview", paths.SELF_SUBJECT_ACCESS_REVIEWS
    spec = _attributes(right)
    if account is not None:
        kind, path = "SubjectAccessReview", paths.SUBJECT_ACCESS_REVIEWS
        spec |= {"user": account.username, "groups": account.groups}
    body = {"apiVersion": "authorization.k8s.io/v1", "kind": kind, "spec": spec}
    answer = await client.request("POST", path, body=body, verb="review")
    return decode_one(path, answer, _Review).status.allowed


def _attributes(right: Right) -> dict[str, Any]:
    if right.path:
        return {"nonResourceAttributes": {"verb": right.verb, "path": right.path}}
    resource, _, subresource = right.resource.partition("/")
    attributes = {
        "verb": right.verb,
        "group": right.group,
        "resource": resource,
        "subresource": subresource,
        "namespace": right.namespace,
        "name": right.name,
    }
    return {"resourceAttributes": {key: value for key, value in attributes.items() if value}}
