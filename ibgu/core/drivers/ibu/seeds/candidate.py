"""The hub's view of a cluster that a seed image is to be generated from (manual, 15.2.3)."""

from collections.abc import Iterator

from msgspec import Struct

from ibgu.core.drivers.ibu.preflight.facts import ClusterFacts, Lookup
from ibgu.core.drivers.ibu.preflight.releases import parsed
from ibgu.core.drivers.ibu.preflight.report import RuleOutcome
from ibgu.core.model.document import shown

_OLDEST = "4.14.13"
_SINGLE = "SingleReplica"
_NAMED = 5
"""Attached objects that a message names."""


class Attachments(Struct, frozen=True):
    """Attachments are objects of one kind in the cluster's namespace on the hub, which go when the
    cluster is detached."""

    lookup: Lookup
    names: tuple[str, ...] = ()

    def __str__(self) -> str:
        more = len(self.names) - _NAMED
        named = ", ".join(map(shown, self.names[:_NAMED]))
        return f"{named} and {more} more" if more > 0 else named


class CandidateFacts(Struct, frozen=True, kw_only=True):
    cluster: ClusterFacts
    local: bool = False
    """Whether it is the hub itself."""
    rollouts: tuple[str, ...] = ()
    """The rollouts that it is an unfinished member of, as the caller may know them."""
    works: Attachments
    addons: Attachments


class CandidateCheck(Struct, frozen=True):
    title: str
    outcome: RuleOutcome
    message: str
    remedy: str = ""


def check_candidate(facts: CandidateFacts) -> tuple[CandidateCheck, ...]:
    """Returns the checks in the order of the procedure; what only the cluster knows is last."""
    return (
        _single_node(facts),
        _release(facts),
        _connected(facts),
        _free(facts),
        _addons(facts.addons),
        _works(facts.works),
        *_on_the_cluster(),
    )


def _single_node(facts: CandidateFacts) -> CandidateCheck:
    title, topology = "single-node OpenShift", facts.cluster.topology
    if facts.local:
        words = "it is the hub, which has Advanced Cluster Management installed"
        return CandidateCheck(title, RuleOutcome.ERROR, words, "Choose a managed cluster.")
    if topology == _SINGLE:
        return CandidateCheck(title, RuleOutcome.PASSED, f"its topology is {_SINGLE}")
    if topology:
        words = f"its topology is {shown(topology)}, not {_SINGLE}"
        return CandidateCheck(title, RuleOutcome.ERROR, words, "Choose another cluster.")
    words = "it reports no topology"
    return CandidateCheck(title, RuleOutcome.UNKNOWN, words, "Check that it has a single node.")


def _release(facts: CandidateFacts) -> CandidateCheck:
    title, release = "release", parsed(facts.cluster.release)
    if release is None:
        words = "it reports no release that can be read"
        return CandidateCheck(title, RuleOutcome.UNKNOWN, words, "Check it on the cluster.")
    shown_release = shown(facts.cluster.release)
    if release < (parsed(_OLDEST) or release):
        words = f"{shown_release} is older than {_OLDEST}, the first supported release"
        return CandidateCheck(title, RuleOutcome.ERROR, words, "Update the cluster first.")
    words = f"the seed will be of {shown_release}"
    return CandidateCheck(title, RuleOutcome.PASSED, words)


def _connected(facts: CandidateFacts) -> CandidateCheck:
    title, cluster = "connection to the hub", facts.cluster
    if cluster.deleting:
        words = "it is being detached already"
        return CandidateCheck(title, RuleOutcome.WARNING, words, "Wait until it is gone.")
    if not cluster.reachable:
        words = "it is not reachable: when you detach it, the hub's agent stays on it"
        remedy = "Bring it back first, or remove the agent's namespaces on the site."
        return CandidateCheck(title, RuleOutcome.WARNING, words, remedy)
    return CandidateCheck(title, RuleOutcome.PASSED, "it is reachable and can be detached")


def _free(facts: CandidateFacts) -> CandidateCheck:
    title = "rollouts"
    if facts.rollouts:
        words = f"it is an unfinished member of {', '.join(map(shown, facts.rollouts))}"
        remedy = "Skip the cluster there, or wait until the rollout has finished with it."
        return CandidateCheck(title, RuleOutcome.ERROR, words, remedy)
    return CandidateCheck(title, RuleOutcome.PASSED, "no rollout works on it or waits for it")


def _addons(found: Attachments) -> CandidateCheck:
    title = "add-ons"
    if found.lookup is Lookup.FORBIDDEN:
        words, remedy = "were not read: you may not list them", "Disable the optional ones."
        return CandidateCheck(title, RuleOutcome.UNKNOWN, words, remedy)
    if not found.names:
        return CandidateCheck(title, RuleOutcome.PASSED, "none is installed from the hub")
    remedy = "Disable the optional ones, so that nothing of them is in the seed."
    return CandidateCheck(title, RuleOutcome.WARNING, f"has {found}", remedy)


def _works(found: Attachments) -> CandidateCheck:
    title = "ManifestWorks"
    if found.lookup is Lookup.FORBIDDEN:
        words = "were not read: you may not list them"
        remedy = "Check that they leave nothing behind on the cluster."
        return CandidateCheck(title, RuleOutcome.UNKNOWN, words, remedy)
    if not found.names:
        return CandidateCheck(title, RuleOutcome.PASSED, "none applies anything to it")
    remedy = "Check that what they apply, and leave behind, may be in the seed."
    return CandidateCheck(title, RuleOutcome.WARNING, f"has {found}", remedy)


def _on_the_cluster() -> Iterator[CandidateCheck]:
    words = "only the cluster knows"
    remedy = "README.md has the commands for the site."
    for title in (
        "Lifecycle Agent and OADP are installed",
        "no DataProtectionApplication, LocalVolume, LVMCluster or persistent volume",
        "a partition of its own for container storage",
    ):
        yield CandidateCheck(title, RuleOutcome.UNKNOWN, words, remedy)
