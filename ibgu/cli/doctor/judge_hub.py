"""Judges what the hub serves and who else works there."""

from collections.abc import Iterator

from ibgu.cli.doctor.facts import (
    Agents,
    Fleet,
    HubConnection,
    HubFacts,
    LeaseCheck,
    Missing,
    NotTried,
    Talm,
)
from ibgu.cli.doctor.findings import Finding, error, ok, skipped, warning
from ibgu.cli.doctor.judge_health_sources import judge_health_sources
from ibgu.cli.doctor.judge_import import judge_import
from ibgu.cli.doctor.judge_payload import judge_payload
from ibgu.cli.doctor.judge_policies import judge_policy_sets
from ibgu.cli.doctor.judge_preflight import judge_preflight
from ibgu.cli.doctor.judge_preparations import judge_preparations
from ibgu.cli.doctor.judge_reach import judge_reach
from ibgu.cli.doctor.judge_references import judge_references
from ibgu.cli.doctor.judge_rights import judge_rights, undetermined
from ibgu.core.talm.beside import POLICY
from ibgu.core.text.counted import first_names
from ibgu.hub.discovery import INSTALL_CRD, Served

STRATEGIES = frozenset({"Update", "CreateOnly"})
"""The update strategies of ManifestWorks: armed and disarmed."""
OURS = frozenset({"phase", "summary"})
"""Status fields that tell ibgu's CRD from TALM's."""
_SHOWN = 3
"""Clusters that are named in a line."""


def judge_hub(facts: HubFacts, *, user: bool) -> Iterator[Finding]:
    yield _connection(facts.connection)
    if not isinstance(facts.connection, HubConnection):
        return
    if user:
        yield from judge_rights(facts.rights, user=user)
        return
    # A namespace comes before the roles that are bound in it.
    yield _leadership(facts.leadership)
    yield from judge_rights(facts.rights, user=user)
    beside = isinstance(facts.talm, Talm) and bool(facts.talm.live_in)
    yield from judge_served(facts.served, beside_talm=beside)
    yield from judge_preflight(facts)
    yield from judge_payload(facts.payload)
    yield judge_references(facts.references)
    yield judge_reach(facts.reach)
    yield judge_policy_sets(facts.policy_sets)
    yield _talm(facts.talm)
    yield _fleet(facts.fleet)
    yield from _agents(facts.agents)
    yield from judge_preparations(facts.left_over)
    yield from judge_import(facts.import_off)
    yield from judge_health_sources(facts.health_sources)


def judge_api(facts: HubFacts) -> Iterator[Finding]:
    """Returns the findings for a REST API that is a process of its own."""
    yield _connection(facts.connection)
    if isinstance(facts.connection, HubConnection):
        yield from judge_rights(facts.rights, user=False)


def _connection(connection: HubConnection | Missing) -> Finding:
    if isinstance(connection, NotTried):
        return skipped("hub", connection.why, "KUBECONFIG names the hub's kubeconfig")
    if not isinstance(connection, HubConnection):
        return error("hub", connection.why, "check KUBECONFIG, the address in it, and your login")
    user = connection.user or "a user that this hub is too old to name"
    return ok("hub", f"{connection.url} answers, as {user}")


def judge_served(served: Served | Missing, *, beside_talm: bool = False) -> Iterator[Finding]:
    if not isinstance(served, Served):
        yield undetermined("APIs", served, "grant the missing rights, then run ibgu doctor again")
        return
    yield ok("Kubernetes", f"{served.version.git_version or 'of an unknown version'}")
    yield _works(served)
    yield _ibgus(served, beside_talm=beside_talm)
    yield _fleet_updates(served)
    yield _rollout_policies(served)
    yield _grants(served)
    if served.works:
        yield _feedback(served)


def _works(served: Served) -> Finding:
    check = "Open Cluster Management"
    lacking = STRATEGIES - served.update_strategies
    if not served.works:
        words = "ManifestWork (work.open-cluster-management.io/v1) is not served here"
        return error(check, words, "check that KUBECONFIG names the hub, where OCM runs")
    if lacking:
        words = f"its ManifestWork is too old: no updateStrategy {', '.join(sorted(lacking))}"
        return error(check, words, "upgrade Open Cluster Management (ACM) on the hub")
    return ok(check, "ManifestWork is served, with all that ibgu uses")


def _ibgus(served: Served, *, beside_talm: bool) -> Finding:
    check = "ImageBasedGroupUpgrade"
    if not served.ibgus:
        words = "the CRD is not installed"
        return error(check, words, INSTALL_CRD)
    lacking = OURS - served.ibgu_status
    if lacking:
        words = (
            f"TALM's CRD is served: no status.{', status.'.join(sorted(lacking))}; ibgu "
            "works with it, but reports less in the IBGU's status"
        )
        if beside_talm:
            return ok(check, words)
        do = "keep it while TALM may return; otherwise run: oc apply -f charts/ibgu/crds/"
        return warning(check, words, do)
    return ok(check, "ibgu's CRD is served")


def _fleet_updates(served: Served) -> Finding:
    check = "FleetUpdate"
    if served.fleet_updates:
        return ok(check, "its CRD is served")
    words = "its CRD is not installed: ibgu updates no cluster to another release"
    do = "oc apply --server-side -f charts/ibgu/crds/fleetupdates.yaml, then restart the controller"
    return skipped(check, words, do)


def _rollout_policies(served: Served) -> Finding:
    check = "RolloutPolicy"
    if served.rollout_policies:
        return ok(check, "its CRD is served")
    words = "its CRD is not installed: there are no policies that bound what rollouts may do"
    return skipped(check, words, "oc apply --server-side -f charts/ibgu/crds/rolloutpolicies.yaml")


def _grants(served: Served) -> Finding:
    check = "RolloutApproval and BreakGlass"
    if served.grants:
        return ok(check, "their CRDs are served")
    words = "their CRDs are not installed: no policy can be approved, or passed in an emergency"
    crds = "-f charts/ibgu/crds/rolloutapprovals.yaml -f charts/ibgu/crds/breakglasses.yaml"
    return skipped(check, words, f"oc apply --server-side {crds}")


def _feedback(served: Served) -> Finding:
    if served.feedback_by_watch:
        return ok("feedback", "by watch: ibgu sees changes immediately")
    return warning(
        "feedback",
        "this OCM has no feedback by watch (before 1.2): its agents report every one "
        "to two minutes, and ibgu requests a report where an action may have ended "
        "(IBGU_FEEDBACK_REFRESH)",
        "nothing required; to see changes immediately, upgrade OCM on the hub and the clusters",
    )


def _leadership(lease: LeaseCheck | Missing) -> Finding:
    if not isinstance(lease, LeaseCheck):
        return undetermined("leadership", lease, "see the findings about rights above")
    if lease.rival is not None:
        return error("leadership", lease.rival.problem(lease.namespace), lease.rival.remedy)
    if not lease.problem:
        return ok("leadership", f"ibgu can hold the Lease in namespace {lease.namespace}")
    return error(
        "leadership",
        f"ibgu can't hold the Lease in namespace {lease.namespace}: {lease.problem}",
        f"set IBGU_NAMESPACE to where ibgu is installed, or: oc create namespace "
        f"{lease.namespace}, and bind the role ibgu-leader there",
    )


def _talm(talm: Talm | Missing) -> Finding:
    if not isinstance(talm, Talm):
        do = "grant the right to read its Lease and its Deployment, and to list what it writes"
        return undetermined("TALM", talm, do)
    if not talm.live_in:
        return ok("TALM", "no live TALM on the hub")
    words = f"TALM is running in namespace {talm.live_in}"
    if talm.problem:
        return _unenforced(talm, words)
    if talm.breaches:
        where = first_names(sorted(talm.breaches), _SHOWN)
        why = talm.breaches[min(talm.breaches)]
        return error(
            "TALM",
            f"{words}: ibgu starts nothing in {where}, because {why}",
            "delete it if a person made it; if TALM did, the policy was not enforced: find out "
            "why, then delete policy and binding, and upgrade the chart again",
        )
    if talm.unsettled:
        return skipped(
            "TALM",
            f"{words}: not yet known whether ibgu may act beside it, because {talm.unsettled}",
            "run ibgu doctor again in 30 seconds",
        )
    return ok("TALM", f"{words}, and the policy {POLICY} keeps it from IBGUs")


def _unenforced(talm: Talm, words: str) -> Finding:
    return error(
        "TALM",
        f"{words}: ibgu writes nothing beside it, because {talm.problem}",
        f"install the chart with besideTalm=true and talmServiceAccounts, or: "
        f"oc scale deployment cluster-group-upgrades-controller-manager-v2 -n {talm.live_in} "
        "--replicas=0 (its operator must not undo it): what it has not finished is taken over with "
        "ibgu.dev/adopt",
    )


def _fleet(fleet: Fleet | Missing) -> Finding:
    if not isinstance(fleet, Fleet):
        return undetermined("clusters", fleet, "see the findings about rights and OCM above")
    words = f"{fleet.total} ManagedClusters, {fleet.accepted} accepted, {fleet.available} available"
    if fleet.deleting:
        words += f", {fleet.deleting} being deleted"
    if not fleet.accepted:
        return warning("clusters", words, "import clusters, and accept them on the hub")
    if fleet.available < fleet.accepted:
        do = "nothing required: unavailable clusters wait until they are back, the others continue"
        return warning("clusters", words, do)
    return ok("clusters", words)


def _agents(agents: Agents | Missing) -> Iterator[Finding]:
    if not isinstance(agents, Agents):
        yield undetermined("agents", agents, "see the findings about rights and OCM above")
        return
    if agents.without_lca:
        words = f"{_some(agents.without_lca)} reported that they have no ImageBasedUpgrade"
        yield warning("Lifecycle Agent", words, "install the Lifecycle Agent operator there")
    if agents.forbidden:
        words = f"the work agent of {_some(agents.forbidden)} may not write the ImageBasedUpgrade"
        do = (
            "let the work agent create ClusterRoles labelled "
            "open-cluster-management.io/aggregate-to-work on the cluster, as OCM's default does"
        )
        yield warning("work agents", words, do)
    if not agents.works:
        words = "unknown until ibgu has probed a cluster: it has no ManifestWork yet"
        yield skipped("agents", words)
    elif not (agents.without_lca or agents.forbidden):
        yield ok(
            "agents",
            f"{agents.answered} of {agents.works} clusters with a ManifestWork of ibgu have "
            "answered",
        )


def _some(names: tuple[str, ...]) -> str:
    shown = ", ".join(names[:_SHOWN]) + (", …" if len(names) > _SHOWN else "")
    return f"{len(names)} clusters ({shown})" if len(names) > 1 else shown
