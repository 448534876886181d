"""The PodDisruptionBudgets of a cluster that may block the drain of a node.

The machine-config operator says nothing of a drain that fails until it has tried for an hour, and
the names of nodes, whose MachineConfigNodes say it sooner, are another on each cluster. Budgets
have the same names on all of them.
"""

from collections.abc import Iterable

from msgspec import Struct

from ibgu.core.drivers.cluster_version.values import Values, number, reported, rules
from ibgu.core.engine.driver import ReadObject

GROUP = "policy"
KIND = "PodDisruptionBudget"
_PATHS = {
    "Generation": ".metadata.generation",
    "Allowed": ".status.disruptionsAllowed",
    "Healthy": ".status.currentHealthy",
    "Needed": ".status.desiredHealthy",
    "Pods": ".status.expectedPods",
}


class BudgetView(Struct, frozen=True, kw_only=True):
    """A PodDisruptionBudget, as fed back."""

    name: str
    """namespace/name."""
    allowed: int = 0
    healthy: int = 0
    needed: int = 0
    pods: int = 0

    @property
    def blocks(self) -> bool:
        """Whether no pod may be evicted: a budget without pods allows no disruption, either."""
        return self.pods > 0 and self.allowed == 0


def budget_object(full_name: str) -> ReadObject:
    """Returns the PodDisruptionBudget of this namespace/name."""
    namespace, _, name = full_name.rpartition("/")
    return ReadObject(
        group=GROUP,
        kind=KIND,
        resource="poddisruptionbudgets",
        namespace=namespace,
        name=name,
        paths=rules({f"budget.{full_name}.{key}": path for key, path in _PATHS.items()}),
    )


def read_budgets(found: Values) -> tuple[BudgetView, ...]:
    return tuple(_budget(found, name) for name in reported(found, "budget."))


def _budget(found: Values, name: str) -> BudgetView:
    allowed, healthy, needed, pods = (
        number(found, f"budget.{name}.{key}") for key in ("Allowed", "Healthy", "Needed", "Pods")
    )
    return BudgetView(name=name, allowed=allowed, healthy=healthy, needed=needed, pods=pods)


def blocking(budgets: Iterable[BudgetView]) -> str:
    """Returns the budgets that block the drain of nodes with their pods; empty: none does."""
    return ", ".join(map(_shown, (each for each in budgets if each.blocks)))


def _shown(budget: BudgetView) -> str:
    return (
        f"the PodDisruptionBudget {budget.name} (0 disruptions allowed, {budget.healthy} of "
        f"{budget.needed} needed pods healthy)"
    )
