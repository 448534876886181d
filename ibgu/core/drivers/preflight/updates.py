"""U1 to U12: what makes an update to another release fail, as far as the hub knows it.

The API server takes every FleetUpdate, and a cluster every request: what it refuses, it refuses for
ever, and what it takes can't be taken back.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import timedelta

from msgspec import Struct

from ibgu.core.drivers.cluster_version.actions import UpdateAction
from ibgu.core.drivers.cluster_version.spec import Release, release_of
from ibgu.core.drivers.ibu.preflight.facts import (
    PRODUCT_CLAIM,
    VERSION_CLAIM,
    ClusterFacts,
    Find,
    PreflightFacts,
    grouped,
)
from ibgu.core.drivers.ibu.preflight.model import FactSource, PreflightFinding, PreflightRule
from ibgu.core.drivers.ibu.preflight.report import Check
from ibgu.core.drivers.node_jobs.images import digest_of
from ibgu.core.drivers.preflight.signatures import signed_digest
from ibgu.core.model.document import ObjectField, shown
from ibgu.core.model.kinds import ClusterUpdate, Pauses
from ibgu.core.text.spans import duration

_PRODUCT = "OpenShift"
_CLAIM = f"status.clusterClaims[{VERSION_CLAIM}]"
_OPERATOR = "Cluster Version Operator"
_LATER = "Check reads it on each cluster, and Update does before it begins"
_MIRROR_SETS, _BESIDE_POLICIES = (4, 13, 0), (4, 15, 0)
"""The first releases with ImageDigestMirrorSets, and with both kinds of mirrors on one cluster."""

U1 = PreflightRule(
    "U1",
    "Clusters run OpenShift, and report their release",
    "11.4.1",
    "Leave the cluster out of the selectors: only OpenShift has a ClusterVersion.",
)
U2 = PreflightRule(
    "U2",
    "The release is not older than that of the cluster",
    _OPERATOR,
    "Leave the cluster out of the selectors, or name a later release: a cluster can't go back.",
)
U3 = PreflightRule(
    "U3",
    "The release is at most one minor release after that of the cluster",
    _OPERATOR,
    "Name the release between them in spec.update.via, or update to it first, by a FleetUpdate of "
    "its own.",
)
U4 = PreflightRule(
    "U4",
    "The release's digest has a signature",
    _OPERATOR,
    "Put the signature of this very digest into spec.update.signatures, that of an intermediate "
    "release into spec.update.via.signatures, and Mirror into the plan.",
)
U5 = PreflightRule(
    "U5",
    "The plan brings signatures and mirrors to the clusters",
    "11.4.5",
    "Put Mirror before Update, unless an earlier FleetUpdate has brought them.",
)
U6 = PreflightRule(
    "U6",
    "The mirrors have a source for the release image",
    "11.4.5",
    "Name the repository of the release image, or its registry, as a source.",
)
U7 = PreflightRule(
    "U7",
    "Clusters before 4.15 have one kind of mirrors",
    "11.4.5",
    "Check that the cluster has no ImageContentSourcePolicy (`oc get imagecontentsourcepolicy`), "
    "or leave out spec.update.mirrors.",
)
U8 = PreflightRule(
    "U8",
    "Clusters allow the next minor release, with the admin acks that it needs",
    _OPERATOR,
    "Put Check before Update. Read what each admin ack is about, and name its key in "
    "spec.update.acks.",
    FactSource.CLUSTER,
    "ClusterVersion version",
)
U9 = PreflightRule(
    "U9",
    "MachineConfigPools are neither paused nor degraded, and cluster operators are not degraded",
    "11.4.1",
    "Resume the pool, or repair what is degraded.",
    FactSource.CLUSTER,
    "MachineConfigPools master and worker, ClusterOperators etcd and machine-config",
)
U10 = PreflightRule(
    "U10",
    "The plan checks clusters before it updates them",
    "11.4.1",
    "Put Check into a step before Update: it reads all clusters at once, and changes nothing.",
)
U11 = PreflightRule(
    "U11",
    "PodDisruptionBudgets that the FleetUpdate names let nodes be drained",
    "11.4.1",
    "Give the workload of the budget another replica, or move it, until the budget allows a "
    "disruption (`oc get pdb -A`).",
    FactSource.CLUSTER,
    "PodDisruptionBudgets of spec.update.disruptionBudgets",
)
U12 = PreflightRule(
    "U12",
    "A cluster's share of the timeout is longer than the soak times of its pools",
    "11.4.1",
    "Give the step a longer timeout, or a higher maxConcurrency, or shorten "
    "spec.update.pause.soakMinutes.",
)
UPDATE_RULES = (U1, U2, U3, U4, U5, U6, U7, U8, U9, U10, U11, U12)


# -- which rules apply ---------------------------------------------------------------------------


def _left(facts: PreflightFacts) -> set[str]:
    """Returns the actions of the steps that have not begun."""
    plan = facts.spec.plan
    return {action for step in facts.steps for action in plan[step.number - 1].actions}


def _any_of(*actions: UpdateAction) -> Callable[[PreflightFacts], bool]:
    def applies(facts: PreflightFacts) -> bool:
        return facts.spec.update is not None and not _left(facts).isdisjoint(actions)

    return applies


_FORWARD = _any_of(UpdateAction.CHECK, UpdateAction.MIRROR, UpdateAction.UPDATE)
_UPDATES = _any_of(UpdateAction.UPDATE)
_UPDATES_OR_POOLS = _any_of(UpdateAction.UPDATE, UpdateAction.POOLS)
_BRINGS = _any_of(UpdateAction.MIRROR, UpdateAction.UPDATE)
_MIRRORS = _any_of(UpdateAction.MIRROR)


def _update(facts: PreflightFacts) -> ClusterUpdate:
    return facts.spec.update or ClusterUpdate()


def _planned(facts: PreflightFacts, action: UpdateAction) -> bool:
    return any(action in step.actions for step in facts.spec.plan)


# -- releases ------------------------------------------------------------------------------------


def _by_cluster(
    facts: PreflightFacts, find: Find, words: Callable[[ClusterFacts], str], field: str = _CLAIM
) -> Iterator[PreflightFinding]:
    """Yields a finding for each message; `words`: that about one cluster, empty if there is
    none."""
    messages = ((each.name, message) for each in facts.clusters if (message := words(each)))
    yield from grouped(messages, field, find)


def _is_openshift(facts: PreflightFacts) -> Iterator[PreflightFinding]:
    def other(each: ClusterFacts) -> str:
        if each.product in ("", _PRODUCT):
            return ""
        return f"run {shown(each.product)}, which has no ClusterVersion"

    yield from _by_cluster(facts, U1.error, other, f"status.clusterClaims[{PRODUCT_CLAIM}]")
    yield from _by_cluster(facts, U1.unknown, _unreported)


def _unreported(each: ClusterFacts) -> str:
    return "" if release_of(each.release) else "report no release that can be read"


def _compared(facts: PreflightFacts, rule: PreflightRule, wrong: Callable[[Release, Release], str]
              ) -> Iterator[PreflightFinding]:  # fmt: skip
    """Yields what is wrong with the step from a cluster's release to the one that is wanted."""
    wanted = release_of(_update(facts).release.version)

    def words(each: ClusterFacts) -> str:
        running = release_of(each.release)
        return wrong(running, wanted) if running and wanted else ""

    yield from _by_cluster(facts, rule.error, words)
    yield from _by_cluster(facts, rule.unknown, _unreported)


def _not_backwards(facts: PreflightFacts) -> Iterator[PreflightFinding]:
    version = shown(_update(facts).release.version)

    def wrong(running: Release, wanted: Release) -> str:
        return f"are newer than {version}, and can't go back" if wanted < running else ""

    yield from _compared(facts, U2, wrong)


def _one_minor(facts: PreflightFacts) -> Iterator[PreflightFinding]:
    update = _update(facts)
    between = release_of(update.via.version) if update.via else None

    def wrong(running: Release, wanted: Release) -> str:
        first, version = wanted, update.release.version
        if between is not None and update.via and running[:2] < between[:2]:
            first, version = between, update.via.version
        if first < running or (first[0] == running[0] and first[1] <= running[1] + 1):
            return ""
        return f"are more than one minor release behind {shown(version)}"

    yield from _compared(facts, U3, wrong)


# -- what clusters are brought -------------------------------------------------------------------


class _Hop(Struct, frozen=True):
    image: str
    image_field: str
    signatures: Sequence[str]
    signatures_field: str


def _hops(facts: PreflightFacts) -> Iterator[_Hop]:
    """Yields the releases that clusters are asked for, each with its fields."""
    update = _update(facts)
    if (via := update.via) is not None:
        fields = ("spec.update.via.image", "spec.update.via.signatures")
        yield _Hop(via.image, fields[0], via.signatures, fields[1])
    fields = ("spec.update.release.image", "spec.update.signatures")
    yield _Hop(update.release.image, fields[0], update.signatures, fields[1])


def _signed(facts: PreflightFacts) -> Iterator[PreflightFinding]:
    for hop in _hops(facts):
        digest = digest_of(hop.image)
        for number, signature in enumerate(hop.signatures):
            of = signed_digest(signature)
            if digest and of and of != digest:
                words = f"is of sha256:{of}, which is not the digest of {hop.image_field}"
                yield U4.error(facts.at(f"{hop.signatures_field}[{number}]"), words)
        if not hop.signatures:
            words = (
                "names no signature: a cluster that has none from another source refuses the "
                "release"
            )
            yield U4.warning(facts.at(hop.signatures_field), words)


def _brought(facts: PreflightFacts) -> Iterator[PreflightFinding]:
    if _planned(facts, UpdateAction.MIRROR):
        return
    brought = [(hop.signatures_field, bool(hop.signatures)) for hop in _hops(facts)]
    for field, given in (*brought, ("spec.update.mirrors", bool(_update(facts).mirrors))):
        if given:
            words = "is not brought to the clusters: the plan has no Mirror"
            yield U5.warning(facts.at(field), words)


def _has_source(facts: PreflightFacts) -> Iterator[PreflightFinding]:
    update = _update(facts)
    repositories = dict.fromkeys(hop.image.partition("@")[0] for hop in _hops(facts))
    places = [each.source for each in update.mirrors]
    places += (mirror for each in update.mirrors for mirror in each.mirrors)
    for repository in repositories if update.mirrors else ():
        if any(_within(repository, place) for place in places):
            continue
        words = f"has no source {shown(repository)}: the clusters pull the release from there"
        yield U6.warning(facts.at("spec.update.mirrors"), words)


def _within(repository: str, place: str) -> bool:
    return repository == place or repository.startswith(f"{place.rstrip('/')}/")


def _one_kind_of_mirrors(facts: PreflightFacts) -> Iterator[PreflightFinding]:
    if not _update(facts).mirrors:
        return

    def words(each: ClusterFacts) -> str:
        running = release_of(each.release)
        if running is None or not _MIRROR_SETS <= running < _BESIDE_POLICIES:
            return ""
        return (
            "get an ImageDigestMirrorSet, which their release does not take beside an "
            "ImageContentSourcePolicy"
        )

    yield from _by_cluster(facts, U7.warning, words)


# -- what only clusters know ---------------------------------------------------------------------


def _minor_allowed(facts: PreflightFacts) -> Iterator[PreflightFinding]:
    wanted = release_of(_update(facts).release.version)
    running = {each.name: release_of(each.release) for each in facts.clusters}
    named = tuple(
        name for name, release in running.items() if release and wanted and release[:2] < wanted[:2]
    )
    if named:
        words = f"were not asked: {_LATER}"
        yield U8.unknown(ObjectField(U8.fact, "status.conditions[Upgradeable]"), words, named)
    if None not in running.values():
        minors = {release[:2] for release in running.values() if release}
        if (via := _update(facts).via) and (between := release_of(via.version)):
            minors.add(between[:2])
        yield from _idle_acks(facts, minors)


def _idle_acks(facts: PreflightFacts, minors: Iterable[tuple[int, int]]
               ) -> Iterator[PreflightFinding]:  # fmt: skip
    """Yields the acks that are of a minor release which no cluster runs."""
    known = tuple(f"ack-{major}.{minor}-" for major, minor in minors)
    for ack in _update(facts).acks if known else ():
        if not ack.startswith(known):
            words = f"{shown(ack)} is for clusters of another minor release than any of these runs"
            yield U8.warning(facts.at("spec.update.acks"), words)


def _settled(facts: PreflightFacts) -> Iterator[PreflightFinding]:
    yield U9.unknown(ObjectField(U9.fact), f"was not read: {_LATER}")


def _checked_before(facts: PreflightFacts) -> Iterator[PreflightFinding]:
    if not _planned(facts, UpdateAction.CHECK):
        words = (
            "has no Check: a cluster that must not be updated is found only when its turn has come"
        )
        yield U10.warning(facts.at("spec.plan"), words)


def _drained(facts: PreflightFacts) -> Iterator[PreflightFinding]:
    words = "was not read: Check reads it on each cluster, and warns of one that allows none"
    yield U11.unknown(ObjectField(U11.fact), words)


def _soak_fits(facts: PreflightFacts) -> Iterator[PreflightFinding]:
    for step in facts.steps:
        soak = _soak(_update(facts).pause, facts.spec.plan[step.number - 1].actions)
        if step.clusters and soak and step.allowed <= soak:
            words = (
                f"step {step.number}: its soak times alone take {duration(soak)} on each cluster, "
                f"but the step allows {duration(step.allowed)} per cluster"
            )
            yield U12.warning(facts.at(f"spec.plan[{step.number - 1}].rolloutStrategy"), words)


def _soak(pauses: Pauses, actions: Iterable[str]) -> timedelta:
    """Returns for how long the actions watch a cluster: before each pool that is resumed, the first
    one in Update."""
    before = {
        UpdateAction.UPDATE.value: min(len(pauses.pools), 1),
        UpdateAction.POOLS.value: max(len(pauses.pools) - 1, 0),
    }
    times = sum(before.get(action, 0) for action in actions)
    return times * timedelta(minutes=max(pauses.soak_minutes, 0))


def _soaks(facts: PreflightFacts) -> bool:
    return _UPDATES_OR_POOLS(facts) and _update(facts).pause.soak_minutes > 0


def _names_budgets(facts: PreflightFacts) -> bool:
    return _FORWARD(facts) and bool(_update(facts).disruption_budgets)


def _with_clusters(applies: Callable[[PreflightFacts], bool]) -> Callable[[PreflightFacts], bool]:
    return lambda facts: bool(facts.clusters) and applies(facts)


CHECKS = (
    Check((U1,), _with_clusters(_FORWARD), _is_openshift),
    Check((U2,), _with_clusters(_FORWARD), _not_backwards),
    Check((U3,), _with_clusters(_FORWARD), _one_minor),
    Check((U4,), _BRINGS, _signed),
    Check((U5,), _UPDATES, _brought),
    Check((U6,), _BRINGS, _has_source),
    Check((U7,), _with_clusters(_MIRRORS), _one_kind_of_mirrors),
    Check((U8,), _with_clusters(_UPDATES), _minor_allowed),
    Check((U9,), _with_clusters(_FORWARD), _settled),
    Check((U10,), _UPDATES, _checked_before),
    Check((U11,), _with_clusters(_names_budgets), _drained),
    Check((U12,), _with_clusters(_soaks), _soak_fits),
)
