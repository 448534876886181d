"""The cases of the benchmark: what is rolled out on which fleet, and its thresholds' names."""

from collections.abc import Sequence
from typing import Any

from msgspec import Struct

from ibgu.core.drivers.ibu.actions import Action
from ibgu.sim.spec import FleetSpec
from tests.benchmarks.payload import references

NAME = "bench"
DURATIONS = "2s-6s"

Step = tuple[str, ...]
"""The actions of a step."""
Plan = Sequence[Step]
STEPS: Plan = ((Action.PREP,), (Action.UPGRADE,))
CHAIN: Plan = ((Action.PREP, Action.UPGRADE),)
FAILING = ("prep.precache=0.05", "upgrade.restore=0.05")
"""Faults of the simulator: a tenth of the fleet does not come through."""


class Case(Struct, frozen=True):
    """`name` is the table of thresholds.toml with the bounds that are of this case alone."""

    clusters: int
    slots: int
    name: str = ""
    plan: Plan = STEPS
    durations: str = DURATIONS
    """The durations of every stage."""
    seed: int = 1
    faults: tuple[str, ...] = ()
    feedback: str = "watch"
    """How agents hear of changes, as `ibgu simulate --feedback`."""
    minutes: int = 240
    """The timeout of a step."""
    payload: bool = False
    policies: tuple[dict[str, Any], ...] = ()
    """The RolloutPolicies of the hub."""

    @property
    def size(self) -> str:
        return f"{self.clusters}x{self.slots}"

    @property
    def description(self) -> str:
        """The case in words, for a headline."""
        plan = "".join(f"[{' '.join(step)}]" for step in self.plan)
        words = [f"{self.clusters} clusters, {self.slots} at a time", f"plan {plan}"]
        words += [f"stages of {self.durations}", *(["with a payload"] if self.payload else [])]
        return ", ".join([*words, *self.faults])

    def fleet(self) -> FleetSpec:
        return fleet_of(self.clusters, self.seed, self.durations, self.faults, self.feedback)

    def ibgu(self) -> dict[str, Any]:
        return ibgu(self.slots, self.plan, payload=self.payload, timeout=self.minutes)

    def failing(self) -> dict[str, set[str]]:
        """Actions at which clusters are to fail, of those that have such a fault.

        Faults without a dot in their name ("hangs", "offline") make nothing fail by themselves.
        """
        given = self.fleet().faults_by_cluster()
        return {
            name: {fault.stage for fault in faults if "." in fault.name}
            for name, faults in given.items()
        }


CASES = {
    "200": Case(200, 20, "of_200"),
    "500": Case(500, 50),
    "200_quarter": Case(200, 50, "of_200"),
    "500_quarter": Case(500, 125),
    "in_flight_500": Case(1000, 500, "in_flight_500", durations="60s-180s"),
    "chain": Case(200, 20, "chain", plan=CHAIN),
    "payload": Case(200, 20, "payload", payload=True),
    "failing": Case(200, 20, "failing", faults=FAILING),
}


def fleet_of(
    clusters: int,
    seed: int,
    durations: str = DURATIONS,
    faults: tuple[str, ...] = (),
    feedback: str = "watch",
) -> FleetSpec:
    return FleetSpec.parse(
        count=clusters,
        seed=seed,
        durations=durations,
        labels=[f"fleet={NAME}"],
        faults=faults,
        feedback=feedback,
    )


def ibgu(
    slots: int, plan: Plan = STEPS, *, payload: bool = False, timeout: int = 240
) -> dict[str, Any]:
    """`timeout`: minutes, of each step."""
    strategy = {"maxConcurrency": slots, "timeout": timeout}
    seed = {"image": "registry.example.com/seed:1", "version": "4.17.0"}
    carried = references() if payload else {}
    seed_ref = seed | carried.pop("seedImageRef", {})
    return {
        "apiVersion": "lcm.openshift.io/v1alpha1",
        "kind": "ImageBasedGroupUpgrade",
        "metadata": {"name": NAME, "namespace": "default"},
        "spec": {
            "clusterLabelSelectors": [{"matchLabels": {"fleet": NAME}}],
            "ibuSpec": {"seedImageRef": seed_ref, **carried},
            "plan": [{"actions": list(step), "rolloutStrategy": strategy} for step in plan],
        },
    }


def otherwise(case: Case, entries: list[dict[str, Any]]) -> dict[str, str]:
    """Clusters that have ended otherwise than they were meant to, and how.

    `entries`: status.clusters of the IBGU.
    """
    failing, shown = case.failing(), {entry["name"]: entry for entry in entries}
    found = {}
    for name in case.fleet().clusters():
        words = _otherwise(case, shown.get(name, {}), failing.get(name, set()))
        if words:
            found[name] = words
    return found


def _otherwise(case: Case, entry: dict[str, Any], meant: set[str]) -> str:
    """Empty: as it was meant."""
    failed = [each["action"] for each in entry.get("failedActions", ())]
    completed = [each["action"] for each in entry.get("completedActions", ())]
    planned = [action for step in case.plan for action in step]
    place = next((n for n, action in enumerate(planned) if action in meant), len(planned))
    if (completed, failed) == (planned[:place], planned[place : place + 1]):
        return ""
    return f"completed {completed}, failed {failed}, meant to fail {sorted(meant)}"
