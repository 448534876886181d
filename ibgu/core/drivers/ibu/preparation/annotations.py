"""Annotations of the ImageBasedUpgrade: limits of the image clean-up, and automatic rollbacks."""

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Self

from msgspec import Struct

from ibgu.core.drivers.ibu import names
from ibgu.core.drivers.ibu.preflight.inspection import ReadResult
from ibgu.core.drivers.ibu.preflight.inspection.objects import InspectedObject
from ibgu.core.drivers.ibu.preparation.model import (
    IBU,
    PreparationKind,
    Readings,
    WrittenObject,
    rule,
)
from ibgu.core.model.kinds import JsonObject

THRESHOLD = "image-cleanup.lca.openshift.io/disk-usage-threshold-percent"
ON_PREP = "image-cleanup.lca.openshift.io/on-prep"
DISABLED = "Disabled"
"""The only value that turns something off."""
DEFAULT_THRESHOLD = "50"
_ENABLED = "Enabled"


class RollbackTrigger(StrEnum):
    """RollbackTrigger is a failure after which a cluster rolls back by itself."""

    POST_REBOOT_CONFIG = "post-reboot-config"
    UPGRADE_COMPLETION = "upgrade-completion"
    INIT_MONITOR = "init-monitor"


class AnnotationsPreparation(Struct, frozen=True):
    """AnnotationsPreparation sets some annotations of a closed list, and removes the others of
    it. The spec of the ImageBasedUpgrade is in no manifest."""

    kind: PreparationKind
    defaults: Mapping[str, str]
    """Annotation -> a value that means the same as none."""
    wanted: Mapping[str, str]
    target: InspectedObject

    @classmethod
    def of(
        cls, kind: PreparationKind, defaults: Mapping[str, str], wanted: Mapping[str, str]
    ) -> Self:
        return cls(kind, defaults, wanted, _ibu(defaults))

    @property
    def reads(self) -> Sequence[InspectedObject]:
        return (self.target,)

    @property
    def rules(self) -> Sequence[JsonObject]:
        # No create: an ImageBasedUpgrade without a stage is none that the Lifecycle Agent made.
        return (rule(IBU, "get", "patch"),)

    def summary(self) -> str:
        return _words(self.wanted)

    def objection(self, readings: Readings) -> str:
        result = readings[self.target].result
        if result is ReadResult.NO_KIND:
            return "has no Lifecycle Agent: run ibgu prepare operators first"
        if result is ReadResult.ABSENT:
            return "has no ImageBasedUpgrade yet: the Lifecycle Agent creates it when it starts"
        return ""

    def writes(self, readings: Readings) -> Sequence[Sequence[WrittenObject]]:
        """Returns one version of the annotations, or two: what somebody else has set is taken over
        before it can be removed."""
        found = self._found(readings)
        if found == dict(self.wanted):
            return ()
        stale = {key: self.defaults[key] for key in found if key not in self.wanted}
        first = [self._written({**self.wanted, **stale})] if stale else []
        return tuple((each,) for each in (*first, self._written(self.wanted)))

    def state(self, readings: Readings) -> str:
        return _words(self._found(readings))

    def files(self) -> Sequence[JsonObject]:
        return (_manifest(self.wanted),)

    def _found(self, readings: Readings) -> dict[str, str]:
        values = readings[self.target].values
        return {key: str(values[_short(key)]) for key in self.defaults if _short(key) in values}

    def _written(self, annotations: Mapping[str, str]) -> WrittenObject:
        return WrittenObject(self.target, _manifest(annotations), force=True)


def cleanup(threshold: int | None, *, disabled: bool) -> AnnotationsPreparation:
    """Returns the limits of the clean-up in Prep; neither: the Lifecycle Agent's defaults."""
    limit = {THRESHOLD: str(threshold)} if threshold is not None else {}
    return AnnotationsPreparation.of(
        PreparationKind.CLEANUP,
        {THRESHOLD: DEFAULT_THRESHOLD, ON_PREP: _ENABLED},
        {**limit, **({ON_PREP: DISABLED} if disabled else {})},
    )


def auto_rollback(disabled: Sequence[RollbackTrigger]) -> AnnotationsPreparation:
    """Returns the triggers after which the cluster no longer rolls back by itself."""
    return AnnotationsPreparation.of(
        PreparationKind.AUTO_ROLLBACK,
        {_trigger(each): _ENABLED for each in RollbackTrigger},
        {_trigger(each): DISABLED for each in RollbackTrigger if each in disabled},
    )


def _trigger(each: RollbackTrigger) -> str:
    return f"auto-rollback-on-failure.lca.openshift.io/{each}"


def _ibu(keys: Mapping[str, str]) -> InspectedObject:
    paths = {_short(key): ".metadata.annotations." + key.replace(".", r"\.") for key in keys}
    return InspectedObject(
        IBU.group, IBU.version, IBU.kind, IBU.resource, IBU.name, paths={**IBU.paths, **paths}
    )


def _short(key: str) -> str:
    return key.rpartition("/")[2]


def _manifest(annotations: Mapping[str, str]) -> JsonObject:
    metadata = {"name": names.NAME, "annotations": dict(annotations)}
    return {"apiVersion": names.VERSION, "kind": names.KIND, "metadata": metadata}


def _words(annotations: Mapping[str, str]) -> str:
    pairs = [f"{_short(key)}={value}" for key, value in annotations.items()]
    return ", ".join(pairs) or "the defaults of the Lifecycle Agent"
