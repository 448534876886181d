"""The cases of FleetUpdates: which clusters are updated, and which are upgraded beside them."""

from datetime import UTC, datetime
from typing import Any

from msgspec import Struct, convert
from msgspec.structs import replace

from ibgu.core.drivers.cluster_version.actions import UpdateAction
from ibgu.core.model import Rollout, names
from ibgu.core.model.kinds import RolloutSpec
from ibgu.sim.cluster_version import Updates
from ibgu.sim.spec import FleetSpec
from tests.benchmarks.case import NAME, Case, fleet_of, ibgu

UPDATE_NAME = "bench-update"
OLD, NEW = "4.16.3", "4.16.12"
IMAGE = f"quay.io/openshift-release-dev/ocp-release@sha256:{'b' * 64}"
REPORT = 15.0
"""Seconds between two progress messages of a real cluster-version operator."""
STEPS: tuple[tuple[str, ...], ...] = (
    (UpdateAction.CHECK, UpdateAction.MIRROR),
    (UpdateAction.UPDATE,),
)
ACTIONS = sum(map(len, STEPS))
"""Actions of each cluster."""
QUICK = Updates(
    look=0.2, retrieve=0.3, operators=6.0, report=0.5, flap=(0.0, 0.0), dark=0.5, look_again=0.5
)
"""An update takes about seven seconds and reports its progress twelve times."""
STEADY = replace(
    QUICK, look=2.0, retrieve=2.0, operators=24.0, report=2.0, look_again=2.0, differ=0.5
)
"""An update has as many messages in 16 to 40 seconds, some hundred times less than in the field.
Each action takes as many seconds as the stages of an IBGU's rollout, or more, and the clusters do
not all end at the same moment."""


class UpdateCase(Struct, frozen=True):
    """`beside`: as many other clusters are upgraded at the same time by an IBGU."""

    clusters: int
    slots: int
    beside: bool = False
    seed: int = 1
    updates: Updates = STEADY

    @property
    def about(self) -> str:
        return f"{self.clusters}x{self.slots}" + ("_beside" if self.beside else "")

    @property
    def description(self) -> str:
        plan = "".join(f"[{' '.join(step)}]" for step in STEPS)
        words = f"{self.clusters} clusters, {self.slots} at a time, plan {plan}"
        return words + (", as many beside them by an IBGU" if self.beside else "")

    @property
    def messages(self) -> int:
        """Progress messages of one update."""
        return int(self.updates.operators / self.updates.report)

    @property
    def upgrade(self) -> Case:
        return Case(self.clusters, self.slots, seed=self.seed)

    def fleet(self) -> FleetSpec:
        count = self.clusters * (2 if self.beside else 1)
        return replace(fleet_of(count, self.seed), version=OLD, updates=self.updates)

    def updated(self) -> list[str]:
        return self.fleet().clusters()[: self.clusters]

    def bodies(self) -> list[dict[str, Any]]:
        """Returns the objects that ask for the rollouts."""
        others = self.fleet().clusters()[self.clusters :]
        upgrade = ibgu(self.slots)
        upgrade["spec"]["clusterLabelSelectors"] = [_named(others)]
        return [fleet_update(self.slots, self.updated()), *([upgrade] if self.beside else [])]

    def rollout(self) -> Rollout:
        """Returns the update as a driver sees it."""
        spec = convert(fleet_update(self.slots, self.updated())["spec"], RolloutSpec)
        now = datetime.now(UTC)
        kind = names.FLEET_UPDATE
        return Rollout(uid="", namespace="", name=NAME, created_at=now, spec=spec, kind=kind)


def _named(clusters: list[str]) -> dict[str, Any]:
    return {"matchExpressions": [{"key": "name", "operator": "In", "values": clusters}]}


def fleet_update(slots: int, clusters: list[str]) -> dict[str, Any]:
    """Mirrors would be waited for: two minutes on every cluster."""
    strategy = {"maxConcurrency": slots, "timeout": 240}
    release = {"version": NEW, "image": IMAGE}
    return {
        "apiVersion": "ibgu.dev/v1alpha1",
        "kind": names.FLEET_UPDATE,
        "metadata": {"name": UPDATE_NAME, "namespace": "default"},
        "spec": {
            "update": {"release": release, "signatures": ["c2lnbmVk"]},
            "clusterLabelSelectors": [_named(clusters)],
            "plan": [
                {"actions": [str(each) for each in step], "rolloutStrategy": strategy}
                for step in STEPS
            ],
        },
    }
