"""The values of a cluster that the work agent feeds back, and what they say of its update."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from msgspec.structs import replace

from ibgu.core.drivers.cluster_version import budgets
from ibgu.core.drivers.cluster_version.actions import UpdateStage
from ibgu.core.drivers.cluster_version.budgets import BudgetView, blocking, read_budgets
from ibgu.core.drivers.cluster_version.names import (
    GROUP,
    IMAGE_MARK,
    KIND,
    NAME,
    RESOURCE,
    RESUMES_MARK,
    STAGE_MARK,
)
from ibgu.core.drivers.cluster_version.pools import (
    KINDS,
    HealthCheckView,
    PoolView,
    read_health_checks,
    read_pools,
)
from ibgu.core.drivers.cluster_version.values import (
    PARTS,
    SAID,
    ClusterCondition,
    Values,
    annotation_path,
    condition,
    condition_paths,
    flag,
    number,
    rules,
    string,
)
from ibgu.core.engine.driver import ReadObject, Target
from ibgu.core.engine.works.config import UNREAD, answered_probes
from ibgu.core.model import FeedbackView
from ibgu.core.model.kinds import FeedbackValue
from ibgu.core.model.names import RUN

OPERATORS = ("machine-config", "etcd")
BACKED_UP = ("etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler")
"""The operators of the static pods: while one of them is progressing, etcd can't be backed up."""
_CONDITIONS: Mapping[str, tuple[str, ...]] = {
    "ReleaseAccepted": PARTS,
    "Progressing": SAID,
    "Failing": PARTS,
    "Available": SAID,
    "Upgradeable": PARTS,
    "Invalid": SAID,
}
"""The conditions that are read, and of each the parts that say something more."""
PATHS: Mapping[str, str] = {
    "generation": ".metadata.generation",
    "run": annotation_path(RUN),
    "stage": annotation_path(STAGE_MARK),
    "askedImage": annotation_path(IMAGE_MARK),
    "resumes": annotation_path(RESUMES_MARK),
    "wantedImage": ".spec.desiredUpdate.image",
    "wantedArchitecture": ".spec.desiredUpdate.architecture",
    "desiredImage": ".status.desired.image",
    "desiredVersion": ".status.desired.version",
    "historyState": ".status.history[0].state",
    "historyImage": ".status.history[0].image",
    "historyVersion": ".status.history[0].version",
    **condition_paths("version", _CONDITIONS),
}
TARGET = Target(
    group=GROUP,
    kind=KIND,
    resource=RESOURCE,
    name=NAME,
    paths=rules(PATHS),
    probe_path=".spec.clusterID",
    beside=KINDS | {(GROUP, "ClusterOperator"), (budgets.GROUP, budgets.KIND)},
)


def operator_object(name: str) -> ReadObject:
    paths = condition_paths(name, {"Degraded": SAID}) if name in OPERATORS else {}
    if name in BACKED_UP:
        paths |= condition_paths(name, {"Progressing": ("status",)})
    return ReadObject(
        group=GROUP,
        kind="ClusterOperator",
        resource="clusteroperators",
        name=name,
        paths=rules(paths),
    )


class VersionView(FeedbackView, frozen=True, gc=False, kw_only=True):
    """A cluster's ClusterVersion, with its operators and pools."""

    pausing: bool = False
    """Whether ibgu has asked for the pauses before the update last."""
    resumes: str = ""
    """What the last run of Pools resumes: a pool, or the health checks."""
    asked_image: str = ""
    """The release image that ibgu asked for last."""
    wanted_image: str = ""
    """The release image that the spec asks for, no matter who wrote it; empty: none."""
    wanted_architecture: str = ""
    desired_image: str = ""
    desired_version: str = ""
    """The release that the cluster-version operator applies."""
    history_state: str = ""
    history_image: str = ""
    history_version: str = ""
    """The newest entry of the history."""
    conditions: Mapping[str, ClusterCondition] = {}
    operators: Mapping[str, ClusterCondition] = {}
    """Degraded of each operator that must be sound."""
    progressing: Mapping[str, ClusterCondition] = {}
    """Progressing of each operator of static pods."""
    pools: tuple[PoolView, ...] = ()
    health_checks: tuple[HealthCheckView, ...] = ()
    budgets: tuple[BudgetView, ...] = ()

    def condition(self, type_: str) -> ClusterCondition:
        return self.conditions.get(type_, _MISSING)

    def pool(self, name: str) -> PoolView:
        """Returns the pool; one that does not report is not known."""
        return next((pool for pool in self.pools if pool.name == name), PoolView(name=name))

    @property
    def nodes(self) -> int:
        """The nodes of the pools that report; 0: they are not known."""
        return sum(pool.machines for pool in self.pools)

    @property
    def blocked(self) -> str:
        """The budgets that block the drain of a node; empty: none. A single node is not drained."""
        return "" if self.nodes <= 1 else blocking(self.budgets)

    @property
    def unwell(self) -> str:
        failing = self.condition("Failing")
        if failing.status not in ("", "False"):
            return f"the cluster-version operator fails: {failing.message}"
        degraded = (pool for pool in self.pools if pool.degraded and not pool.paused)
        return next((f"pool {pool.name} is degraded: {pool.degraded}" for pool in degraded), "")

    @property
    def rolling(self) -> bool:
        return any(pool.awaited for pool in self.pools)

    @property
    def updating(self) -> bool:
        return self.history_state == "Partial"

    @property
    def pending(self) -> bool:
        """Whether the spec asks for a release that the operator has not begun to apply."""
        return self.wanted_image not in ("", self.desired_image)

    def recorded(self) -> dict[str, Any]:
        conditions = {f"{t}": f"{c.status} {c.reason}".strip() for t, c in self.conditions.items()}
        return super().recorded() | {
            "conditions": conditions,
            "wanted": self.wanted_image,
            "desired": self.desired_image,
            "history": [self.history_state, self.history_image],
            "unsettled": [pool.name for pool in self.pools if pool.awaited],
            "paused": [name for name, _ in self.pauses],
            "pausing": self.pausing,
            "pins": {
                pool.name: f"{pool.pinned if lists else 0}/{pool.pin_machines}"
                for pool in self.pools
                if (lists := bool(pool.pin)) or pool.pin_machines
            },
        }


_MISSING = ClusterCondition()


def view_version(values: Iterable[FeedbackValue]) -> VersionView:
    """Returns what was fed back; a value that is missing is empty."""
    found = {value.name: value.field_value for value in values}
    generation = number(found, "generation")
    pools, checks = read_pools(found), read_health_checks(found)
    conditions = {t: condition(found, f"version{t}") for t in _CONDITIONS}
    view = VersionView(
        stage=_stage(found),
        generation=generation,
        # The operator's own observedGeneration lags behind by minutes after a refusal, and proves
        # nothing: the image in its words does.
        observed_generation=generation,
        run=string(found, "run"),
        probes=answered_probes(found),
        pausing=string(found, "stage") == UpdateStage.PAUSE,
        resumes=string(found, "resumes"),
        asked_image=string(found, "askedImage"),
        wanted_image=string(found, "wantedImage"),
        wanted_architecture=string(found, "wantedArchitecture"),
        desired_image=string(found, "desiredImage"),
        desired_version=string(found, "desiredVersion"),
        history_state=string(found, "historyState"),
        history_image=string(found, "historyImage"),
        history_version=string(found, "historyVersion"),
        conditions={t: each for t, each in conditions.items() if each.status},
        progressing={name: condition(found, f"{name}Progressing") for name in BACKED_UP},
        operators={name: condition(found, f"{name}Degraded") for name in OPERATORS},
        pools=pools,
        health_checks=checks,
        budgets=read_budgets(found),
        pauses=(*_pauses(pools), *_pauses(checks)),
        unread=flag(found, UNREAD),
    )
    return replace(view, warning=warning_of(view))


_BEFORE = frozenset(
    {UpdateStage.CHECK, UpdateStage.MIRROR, UpdateStage.PRECACHE, UpdateStage.BACKUP}
)


def warning_of(seen: VersionView) -> str:
    """Returns what will block the update. While nodes are drained for it, budgets allow no
    disruption for moments."""
    if seen.stage not in _BEFORE or not (found := seen.blocked):
        return ""
    return f"the drain of nodes will be blocked by {found}"


def _pauses(found: Iterable[PoolView | HealthCheckView]) -> Iterator[tuple[str, str]]:
    for each in found:
        if each.paused and each.paused_by:
            yield each.name, each.paused_by


_ASKS_FOR_IMAGE = frozenset({UpdateStage.UPDATE.value, UpdateStage.RETRACT.value})


def _stage(found: Values) -> str:
    """Returns the stage that ibgu asked for, unless somebody asks for another release by now. The
    pauses before an update are a part of it."""
    stage = string(found, "stage")
    if stage == UpdateStage.PAUSE:
        return UpdateStage.UPDATE.value
    changed = string(found, "askedImage") != string(found, "wantedImage")
    return UpdateStage.OTHER.value if stage in _ASKS_FOR_IMAGE and changed else stage
