"""P1 to P5: releases of the clusters, of the seed and of the hub."""

import re
from collections.abc import Callable, Iterator
from functools import lru_cache

from ibgu.core.drivers.ibu.preflight.facts import (
    PRODUCT_CLAIM,
    VERSION_CLAIM,
    ClusterFacts,
    HubRelease,
    Lookup,
    PreflightFacts,
    grouped,
)
from ibgu.core.drivers.ibu.preflight.model import PreflightFinding, PreflightRule
from ibgu.core.model.document import ObjectField, shown

_PRODUCT = "OpenShift"
_OLDEST = "4.14.13"
_OLDEST_ACM = "2.10.2"
_MAX_MINORS = 2
_RELEASE = re.compile(
    r"([0-9]{1,9})\.([0-9]{1,9})\.([0-9]{1,9})(?:-([0-9A-Za-z.-]+))?(?:\+[0-9A-Za-z.-]+)?"
)
_CLAIM = f"status.clusterClaims[{VERSION_CLAIM}]"

Release = tuple[int, int, int, tuple[tuple[int, int, str], ...]]
"""A release that compares as semantic versions do."""
_FINAL = ((2, 0, ""),)
"""What stands for no pre-release: it comes after each of them."""

P1 = PreflightRule(
    "P1",
    f"Clusters run OpenShift {_OLDEST} or later",
    "15.1",
    "Update the cluster the usual way first, or leave it out of the selectors.",
)
P2 = PreflightRule(
    "P2",
    "The seed's release is later than that of the cluster",
    "15.4.1",
    "Leave the cluster out of the selectors, or name a later seed.",
)
P3 = PreflightRule(
    "P3",
    f"The seed's release is at most {_MAX_MINORS} minor releases after that of the cluster",
    "15.1",
    "Upgrade to a release between them first.",
)
P4 = PreflightRule(
    "P4",
    "The hub's release is not before that of the seed",
    "15.1.2.2",
    "Update the hub first.",
)
P5 = PreflightRule(
    "P5",
    f"The hub has Advanced Cluster Management {_OLDEST_ACM} or later",
    "15.1",
    "Update Advanced Cluster Management first.",
)


@lru_cache(1024)
def parsed(text: str) -> Release | None:
    """Returns the release; None if the text is none."""
    found = _RELEASE.fullmatch(text)
    if found is None:
        return None
    before = tuple(map(_identifier, found[4].split("."))) if found[4] else _FINAL
    return (int(found[1]), int(found[2]), int(found[3]), before)


def label_values(version: str) -> tuple[str, ...]:
    """Returns the labels of manifests that are for the release, as the Lifecycle Agent reads them;
    none if the text is not a release."""
    release = parsed(version)
    if release is None:
        return ()
    major, minor, patch, _ = release
    return tuple(dict.fromkeys((f"{major}.{minor}.{patch}", f"{major}.{minor}", version)))


def _identifier(text: str) -> tuple[int, int, str]:
    number = text.isascii() and text.isdigit() and len(text) < 10
    return (0, int(text), "") if number else (1, 0, text)


def supported(facts: PreflightFacts) -> Iterator[PreflightFinding]:
    yield from _clusters(facts, P1.error, _unsupported)
    yield from _clusters(facts, P1.unknown, _unknown)
    others = (
        (each.name, f"run {shown(each.product)}, which has no image-based upgrade")
        for each in facts.clusters
        if each.product not in ("", _PRODUCT)
    )
    yield from grouped(others, f"status.clusterClaims[{PRODUCT_CLAIM}]", P1.error)


def _unsupported(each: ClusterFacts) -> str:
    release, oldest = parsed(each.release), parsed(_OLDEST)
    if release is None or oldest is None or release >= oldest:
        return ""
    return f"are older than {_OLDEST}, the first supported release"


def _unknown(each: ClusterFacts) -> str:
    return "" if parsed(each.release) else "report no release that can be read"


def upward(facts: PreflightFacts) -> Iterator[PreflightFinding]:
    target = parsed(facts.target)

    def newer(each: ClusterFacts) -> str:
        release = parsed(each.release)
        later = release is not None and target is not None and release > target
        return f"are newer than {facts.target}, which clusters refuse" if later else ""

    def same(each: ClusterFacts) -> str:
        words = "which clusters refuse unless the rollout's seed has brought it"
        return f"have {facts.target} already, {words}" if parsed(each.release) == target else ""

    yield from _clusters(facts, P2.error, newer)
    # Of a cluster that has the rollout's seed, Prep and Upgrade are done already (R8.1).
    yield from _clusters(facts, P2.warning, same)
    yield from _clusters(facts, P2.unknown, _unknown)


def within_reach(facts: PreflightFacts) -> Iterator[PreflightFinding]:
    target = parsed(facts.target)

    def too_far(each: ClusterFacts) -> str:
        release = parsed(each.release)
        if release is None or target is None or target[1] - release[1] <= _MAX_MINORS:
            return ""
        return f"are more than {_MAX_MINORS} minor releases behind {facts.target}"

    yield from _clusters(facts, P3.error, too_far)
    yield from _clusters(facts, P3.unknown, _unknown)


def _clusters(
    facts: PreflightFacts,
    find: Callable[[ObjectField, str, tuple[str, ...]], PreflightFinding],
    message_of: Callable[[ClusterFacts], str],
) -> Iterator[PreflightFinding]:
    wrong = ((each.name, words) for each in facts.clusters if (words := message_of(each)))
    yield from grouped(wrong, _CLAIM, find)


def hub_behind(facts: PreflightFacts) -> Iterator[PreflightFinding]:
    at = ObjectField("ClusterVersion version", "status.desired.version")
    yield from _older(P4, at, facts.payload.hub, facts.target)


def acm_behind(facts: PreflightFacts) -> Iterator[PreflightFinding]:
    at = ObjectField("MultiClusterHub", "status.currentVersion")
    yield from _older(P5, at, facts.payload.acm, _OLDEST_ACM)


def _older(
    rule: PreflightRule, at: ObjectField, found: HubRelease, least: str
) -> Iterator[PreflightFinding]:
    have, wanted = parsed(found.release), parsed(least)
    if found.lookup is Lookup.FORBIDDEN:
        yield rule.unknown(at, "was not read: you may not")
    elif have is None:
        yield rule.unknown(at, "can't be read")
    elif wanted is not None and have < wanted:
        yield rule.warning(at, f"{found.release} is before {least}")
