"""The actions of an update to another release, what each one does, and the plans that are
allowed."""

from collections.abc import Iterator
from enum import StrEnum
from itertools import combinations, product

from ibgu.core.model.actions import (
    ActionTable,
    ActionTraits,
    AgeRange,
    Danger,
    PlanActions,
    RequiredLabels,
    Risk,
    traits,
)

LABEL_PREFIX = "ibgu.dev/fleet-"
_MINUTE = 60.0


class UpdateStage(StrEnum):
    """UpdateStage is what an annotation of the ClusterVersion says that ibgu has asked for."""

    CHECK = "Check"
    MIRROR = "Mirror"
    PRECACHE = "PreCache"
    BACKUP = "Backup"
    PAUSE = "Pause"
    """The first part of Update, where the rollout pauses something."""
    UPDATE = "Update"
    POOLS = "Pools"
    RETRACT = "Retract"
    OTHER = "Other"
    """Somebody else has asked for another release since."""


class UpdateAction(StrEnum):
    CHECK = "Check"
    MIRROR = "Mirror"
    PRECACHE = "PreCache"
    BACKUP = "Backup"
    UPDATE = "Update"
    POOLS = "Pools"
    RETRACT = "Retract"
    RETRACT_ON_FAILURE = "RetractOnFailure"

    @property
    def stage(self) -> UpdateStage:
        return UpdateStage(traits(self).stage)

    @property
    def failed_label(self) -> str:
        return f"{LABEL_PREFIX}{self.lower()}-failed"


_NOT_FAILED = RequiredLabels(
    none_of=(
        UpdateAction.CHECK.failed_label,
        UpdateAction.MIRROR.failed_label,
        UpdateAction.PRECACHE.failed_label,
        UpdateAction.BACKUP.failed_label,
        UpdateAction.UPDATE.failed_label,
    )
)
"""A cluster that has failed begins with Check again, or is taken back first."""
_CHECK = ActionTraits(
    name=UpdateAction.CHECK.value,
    stage=UpdateStage.CHECK.value,
    label_prefix=LABEL_PREFIX,
    usual=AgeRange(1.0, 2 * _MINUTE),
    begins=True,
    warns=True,
    preflight=True,
    implied_by=UpdateAction.UPDATE.value,
)
_MIRROR = ActionTraits(
    name=UpdateAction.MIRROR.value,
    stage=UpdateStage.MIRROR.value,
    label_prefix=LABEL_PREFIX,
    usual=AgeRange(10.0, 10 * _MINUTE),
    need=RequiredLabels(none_of=(UpdateAction.CHECK.failed_label,)),
    preflight=True,
    implied_by=UpdateAction.UPDATE.value,
)
_PRECACHE = ActionTraits(
    name=UpdateAction.PRECACHE.value,
    stage=UpdateStage.PRECACHE.value,
    label_prefix=LABEL_PREFIX,
    usual=AgeRange(5 * _MINUTE, 120 * _MINUTE),
    need=_NOT_FAILED,
    rate_limited=True,
    runs_job=True,
)
_BACKUP = ActionTraits(
    name=UpdateAction.BACKUP.value,
    stage=UpdateStage.BACKUP.value,
    label_prefix=LABEL_PREFIX,
    usual=AgeRange(_MINUTE, 10 * _MINUTE),
    need=_NOT_FAILED,
    runs_job=True,
)
_UPDATE = ActionTraits(
    name=UpdateAction.UPDATE.value,
    stage=UpdateStage.UPDATE.value,
    label_prefix=LABEL_PREFIX,
    usual=AgeRange(30 * _MINUTE, 150 * _MINUTE),
    need=_NOT_FAILED,
    risk=Risk(
        Danger.IRREVERSIBLE,
        "Once the update has started on a cluster, the cluster can't go back to its release.",
    ),
    reboots=True,
    rate_limited=True,
    clears_labels=True,
    preflight=True,
    pauses=True,
)
_POOLS = ActionTraits(
    name=UpdateAction.POOLS.value,
    stage=UpdateStage.POOLS.value,
    label_prefix=LABEL_PREFIX,
    usual=AgeRange(5 * _MINUTE, 120 * _MINUTE),
    need=_NOT_FAILED,
    rate_limited=True,
    resumes=True,
    clears_labels=True,
)
_RETRACT = ActionTraits(
    name=UpdateAction.RETRACT.value,
    stage=UpdateStage.RETRACT.value,
    label_prefix=LABEL_PREFIX,
    usual=AgeRange(5.0, 5 * _MINUTE),
    clears_labels=True,
    aborts=True,
    cancels=True,
    leads_back=True,
)
_RETRACT_ON_FAILURE = ActionTraits(
    name=UpdateAction.RETRACT_ON_FAILURE.value,
    stage=UpdateStage.RETRACT.value,
    label_prefix=LABEL_PREFIX,
    usual=AgeRange(5.0, 5 * _MINUTE),
    need=RequiredLabels(any_of=(UpdateAction.UPDATE.failed_label,)),
    clears_labels=True,
    aborts=True,
    after_failure=True,
    leads_back=True,
)


FORWARD = (
    UpdateAction.CHECK.value,
    UpdateAction.MIRROR.value,
    UpdateAction.PRECACHE.value,
    UpdateAction.BACKUP.value,
    UpdateAction.UPDATE.value,
    UpdateAction.POOLS.value,
)
"""The actions that lead forward, in the order that each plan keeps."""


def _plans() -> Iterator[PlanActions]:
    """Yields each choice of the actions that lead forward, in order, in steps however they are cut;
    after an Update a step may withdraw what has not started."""
    back = (UpdateAction.RETRACT.value, UpdateAction.RETRACT_ON_FAILURE.value)
    for length in range(1, len(FORWARD) + 1):
        for chosen in combinations(FORWARD, length):
            for cuts in product((False, True), repeat=length - 1):
                steps = _cut(chosen, cuts)
                yield steps
                if UpdateAction.UPDATE.value in chosen:
                    yield from ((*steps, (action,)) for action in back)
    yield from (((action,),) for action in back)


def _cut(chosen: tuple[str, ...], cuts: tuple[bool, ...]) -> PlanActions:
    steps: list[list[str]] = [[chosen[0]]]
    for action, cut in zip(chosen[1:], cuts, strict=True):
        if cut:
            steps.append([action])
        else:
            steps[-1].append(action)
    return tuple(map(tuple, steps))


def _offered() -> Iterator[tuple[str, ...]]:
    """Yields the steps that leave nothing out between their first action and their last."""
    for end in range(1, len(FORWARD) + 1):
        yield from (FORWARD[start:end] for start in range(end))
    yield (UpdateAction.RETRACT.value,)
    yield (UpdateAction.RETRACT_ON_FAILURE.value,)


UPDATE_ACTIONS = ActionTable(
    actions=(_CHECK, _MIRROR, _PRECACHE, _BACKUP, _UPDATE, _POOLS, _RETRACT, _RETRACT_ON_FAILURE),
    plans=tuple(_plans()),
    offered=tuple(_offered()),
    no_follow_ups="ibgu makes no second FleetUpdate: create one that selects these clusters, with "
    "the plan [Retract] to withdraw what has not begun, or with the plan again",
)
