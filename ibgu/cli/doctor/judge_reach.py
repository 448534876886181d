"""Judges which clusters and rollouts those of a namespace reach, if several teams share a
hub."""

from ibgu.cli.doctor.facts import Missing, Reach
from ibgu.cli.doctor.findings import Finding, error, ok, warning
from ibgu.cli.doctor.judge_rights import undetermined

_CHECK = "tenancy"
_SHOWN = 3
"""Namespaces that are named in a line."""


def judge_reach(reach: Reach | Missing) -> Finding:
    if not isinstance(reach, Reach):
        return undetermined(_CHECK, reach, "see the finding about rights")
    return _by_cluster_sets(reach) if reach.tenancy else _everywhere(reach)


def _by_cluster_sets(reach: Reach) -> Finding:
    if not reach.served:
        return error(
            _CHECK,
            "IBGU_TENANCY=clustersets, and the hub serves no ManagedClusterSets and "
            "bindings (cluster.open-cluster-management.io/v1beta2): no rollout may use "
            "a cluster",
            "install Open Cluster Management's CRDs of both, or set IBGU_TENANCY=off",
        )
    if reach.namespaces:
        return warning(
            _CHECK,
            f"no ManagedClusterSet is bound to {_named(reach.namespaces)}: the rollouts there "
            "may not use any cluster",
            "bind one: clusteradm clusterset bind SET --namespace NAMESPACE",
        )
    words = "each namespace with rollouts has ManagedClusterSets, and reaches their clusters"
    return ok(_CHECK, words)


def _everywhere(reach: Reach) -> Finding:
    if len(reach.namespaces) < 2:
        return ok(_CHECK, "off: a rollout may select any cluster; no two namespaces have rollouts")
    cancels = ", and an Abort, Rollback or Retract there cancels the others' rollouts"
    return warning(
        _CHECK,
        f"off, and {_named(reach.namespaces)} have rollouts: each of them reaches the whole fleet"
        f"{cancels if reach.across_namespaces else ''}",
        "if they belong to different teams, set IBGU_TENANCY=clustersets and bind "
        "ManagedClusterSets to their namespaces (docs/guides/tenancy.md)",
    )


def _named(namespaces: tuple[str, ...]) -> str:
    shown = ", ".join(namespaces[:_SHOWN]) + (", …" if len(namespaces) > _SHOWN else "")
    return f"{len(namespaces)} namespaces ({shown})" if len(namespaces) > 1 else shown
