"""The `ibuSpec` of an IBGU: whether a cluster can be asked for it, the time that it allows, the
objects that it refers to."""

from datetime import timedelta

from ibgu.core.model.bounds import MAX_INT32, int32
from ibgu.core.model.kinds import IbuSpec, Reference

ROLLBACK_MARGIN = timedelta(minutes=15)
"""The time of an automatic rollback beyond the init monitor's timeout (R11.5)."""
_INIT_MONITOR = timedelta(seconds=1800)
"""Lifecycle Agent's default init monitor timeout."""


def rollback_time(ibu: IbuSpec) -> timedelta:
    """Returns how long a cluster that fails after its reboot takes to be back by itself."""
    return init_monitor(ibu) + ROLLBACK_MARGIN


def init_monitor(ibu: IbuSpec) -> timedelta:
    """Returns how long a cluster may take to be healthy after its reboot, before it rolls back."""
    rollback = ibu.auto_rollback_on_failure
    seconds = int32(rollback.init_monitor_timeout_seconds) if rollback else 0
    return timedelta(seconds=seconds) if seconds > 0 else _INIT_MONITOR


def problem_of_ibu(ibu: IbuSpec) -> str | None:
    """Returns why no cluster can be asked for the spec; None: it is valid."""
    rollback = ibu.auto_rollback_on_failure
    seconds = rollback.init_monitor_timeout_seconds if rollback else 0
    if 0 <= seconds <= MAX_INT32:
        return None
    wrong = "greater than or equal to 0" if seconds < 0 else f"less than or equal to {MAX_INT32}"
    return (
        "spec.ibuSpec.autoRollbackOnFailure.initMonitorTimeoutSeconds: "
        f"Invalid value: {seconds}: should be {wrong}; ibuSpec can't be changed: delete this IBGU "
        "and create it again"
    )


def references(spec: IbuSpec, namespace: str) -> list[Reference]:
    """Returns the ConfigMaps and then the pull secret that an IBGU of that namespace names."""
    maps = (*spec.oadp_content, *spec.extra_manifests)
    found = [Reference("ConfigMap", ref.namespace, ref.name) for ref in maps]
    secret = spec.seed_image_ref.pull_secret_ref
    if secret is not None and secret.name:
        found.append(Reference("Secret", namespace, secret.name))
    return found
