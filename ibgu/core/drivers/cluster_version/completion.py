"""Whether a cluster is through with an update, nodes included, and what it waits for."""

from ibgu.core.drivers.cluster_version.feedback import VersionView
from ibgu.core.drivers.cluster_version.pools import PoolView


def done(seen: VersionView) -> bool:
    """Whether the update is over, nodes included: the operator itself waits for masters alone."""
    return (
        seen.history_state == "Completed"
        and seen.condition("Progressing").false
        and seen.condition("Failing").status in ("", "False")
        and not unsettled(seen)
    )


def unsettled(seen: VersionView) -> str:
    """Returns what an unpaused pool still waits for; empty: nothing."""
    return next((_waits(pool) for pool in seen.pools if pool.awaited), "")


def waits_for_pool(pool: PoolView) -> str:
    if not pool.known:
        return f"the cluster does not report the MachineConfigPool {pool.name} yet"
    nodes = f"{pool.updated} of {pool.machines} nodes have its configuration"
    away = f", {pool.unavailable} not available" if pool.unavailable else ""
    return f"waits for the MachineConfigPool {pool.name}: {nodes}{away}"


def with_drains(seen: VersionView, words: str) -> str:
    """Returns what an update waits for, with the budgets that keep its nodes from being drained:
    the operators say nothing of them for an hour."""
    drained = any(pool.awaited for pool in seen.pools)
    if not drained or not (found := seen.blocked):
        return words
    return f"{words}; the drain of nodes is blocked by {found}"


def degraded(pool: PoolView) -> str:
    return f"the MachineConfigPool {pool.name} is degraded: {pool.degraded}"


def _waits(pool: PoolView) -> str:
    return f"stalled: {degraded(pool)}" if pool.degraded else waits_for_pool(pool)
