"""Waits until the cluster is healthy, which every stage but Abort does; Rollback does not look at
the cluster's equipment."""

from msgspec import structs

from ibgu.sim.attempts import StageAttempt
from ibgu.sim.faults import FaultPoint
from ibgu.sim.lca.script_steps import CheckHealth, ScriptStep, SetCondition, beat

_FAILED = "one or more health checks failed: "
_UNHEALTHY = (
    f"{_FAILED}one or more ClusterOperators not yet ready: "
    "authentication, kube-apiserver\n  - one or more MachineConfigPools not yet ready: master"
)


def waiting(before: str = "") -> str:
    """Returns the message; `before`: what can't continue, as `Prep stage`."""
    where = f" before {before} can continue" if before else ""
    return f"Waiting for system to stabilize{where}: {_UNHEALTHY}"


FULLY = f"Waiting for system to fully stabilize: {_UNHEALTHY}"


def health_wait(
    attempt: StageAttempt, say: SetCondition, least: float = 0.0, *, checked: bool = True
) -> list[ScriptStep]:
    """Returns the wait until healthy, which a fault may make endless. `least`: the phase's shortest
    time in seconds; `checked`: the stage also waits for what the cluster's equipment lacks."""
    lasts = float("inf") if attempt.active_fault(FaultPoint.HEALTH) else least
    wait = [beat(0.0, say), beat(lasts)] if lasts else []
    if checked:
        failed = say.message.removesuffix(_UNHEALTHY) + _FAILED
        wait.append(beat(0.0, CheckHealth(structs.replace(say, message=failed))))
    return wait
