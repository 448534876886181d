"""The proofs in the recorded feedback of an ImageBasedUpgrade, for the certifier.

Written apart from `observe`, and in the words of the log: an error of the driver is found.
"""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

from tests.oracle.proofs import job_of_run

_STAGES = {"Prep": "Prep", "UpgradeBackup": "Prep", "Upgrade": "Upgrade", "Rollback": "Rollback"}
_CLEANUPS = {
    "AbortFailed": ("Abort", "AbortOnFailure"),
    "FinalizeFailed": ("FinalizeUpgrade", "FinalizeRollback"),
}
_TARGET_STAGES = {
    "Prep": ("PrepCompleted", "UpgradeCompleted"),
    "Upgrade": ("UpgradeCompleted",),
    "Rollback": ("RollbackCompleted",),
}


class IbuProofs:
    """IbuProofs implements the certifier's `Proofs`."""

    label_prefix = "lcm.openshift.io/ibgu-"
    labels = frozenset({"Prep", "Upgrade", "Rollback"})
    reboots = frozenset({"Upgrade", "Rollback"})
    rolls_back = frozenset({"Upgrade"})
    resumes: frozenset[str] = frozenset()
    preflight = frozenset({"Prep", "Upgrade"})
    rate_limited = frozenset({"Prep", "Upgrade"})
    brings = frozenset({"Prep", "Upgrade"})
    cancels = frozenset({"Abort", "Rollback"})
    ways_back = frozenset({"Abort", "AbortOnFailure", "Rollback"})
    expires = frozenset({"Rollback"})
    keeps_spec = frozenset({"Upgrade"})
    backups: Mapping[str, str] = MappingProxyType({"Upgrade": "UpgradeBackup"})
    parts: Mapping[str, str] = MappingProxyType({"UpgradeBackup": "Upgrade"})

    def begun(self, seen: Mapping[str, Any], release: Sequence[str]) -> bool:
        return _true(seen, "UpgradeCompleted")

    def stage(self, action: str) -> str:
        return _STAGES.get(action, "Idle")

    def fits(self, seen: Mapping[str, Any], action: str, *, manual_cleanup_done: bool) -> bool:
        if manual_cleanup_done and action in _CLEANUPS.get(_idle_reason(seen), ()):
            return True
        upgraded, back = _true(seen, "UpgradeCompleted"), _true(seen, "RollbackCompleted")
        following = seen.get("next", ())
        if action in ("Abort", "AbortOnFailure"):
            return not (upgraded or back) and "Idle" in following
        return {
            "Prep": _true(seen, "Idle"),
            "Upgrade": _true(seen, "PrepCompleted") and not upgraded,
            "UpgradeBackup": _true(seen, "PrepCompleted") and not upgraded,
            "FinalizeUpgrade": upgraded,
            "Rollback": "Rollback" in following,
            "FinalizeRollback": back,
        }.get(action, False)

    def reached(self, seen: Mapping[str, Any], action: str) -> bool:
        return any(_true(seen, condition) for condition in _TARGET_STAGES.get(action, ("Idle",)))

    def missing(self, seen: Mapping[str, Any], action: str) -> str:
        if action in self.parts:
            return "" if job_of_run(seen).get("complete") else "its Job was not complete"
        done = self._completed(action)
        return "" if _true(seen, done) else f"{done} was not True"

    def failed(self, seen: Mapping[str, Any], action: str) -> bool:
        if action in self.parts:
            job = job_of_run(seen)
            return bool(job.get("failed") or job.get("error") or job.get("refused"))
        if self.stage(action) == "Idle":
            return _idle_reason(seen) in _CLEANUPS
        return _status(seen, self._completed(action)) == "False"

    def continues(self, seen: Mapping[str, Any], action: str) -> str:
        return "each action takes one run"

    def paused(self, seen: Mapping[str, Any]) -> Sequence[str]:
        return ()

    def shown(self, seen: Mapping[str, Any]) -> str:
        conditions = seen.get("conditions", {})
        return ", ".join(f"{name} {value}" for name, value in conditions.items()) or "no conditions"

    def _completed(self, action: str) -> str:
        found = self.stage(action)
        return "Idle" if found == "Idle" else f"{found}Completed"


IBU_PROOFS = IbuProofs()


def _condition(seen: Mapping[str, Any], name: str) -> str:
    return str(seen.get("conditions", {}).get(name, ""))


def _idle_reason(seen: Mapping[str, Any]) -> str:
    return _condition(seen, "Idle").partition(" ")[2]


def _status(seen: Mapping[str, Any], condition: str) -> str:
    return _condition(seen, condition).partition(" ")[0]


def _true(seen: Mapping[str, Any], condition: str) -> bool:
    return _status(seen, condition) == "True"
