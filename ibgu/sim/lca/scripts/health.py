"""Waits until the cluster is healthy, which every stage but Abort does."""

from ibgu.sim.attempts import StageAttempt
from ibgu.sim.faults import FaultPoint
from ibgu.sim.lca.script_steps import ScriptStep, SetCondition, beat

_UNHEALTHY = (
    "one or more health checks failed: one or more ClusterOperators not yet ready: "
    "authentication, kube-apiserver\n  - one or more MachineConfigPools not yet ready: master"
)


def waiting(before: str = "") -> str:
    """Returns the message; `before`: what can't continue, as `Prep stage`."""
    where = f" before {before} can continue" if before else ""
    return f"Waiting for system to stabilize{where}: {_UNHEALTHY}"


FULLY = f"Waiting for system to fully stabilize: {_UNHEALTHY}"


def health_wait(attempt: StageAttempt, say: SetCondition, least: float = 0.0) -> list[ScriptStep]:
    """Returns the wait until healthy, which a fault may make endless. `least`: the phase's shortest
    time in seconds."""
    lasts = float("inf") if attempt.active_fault(FaultPoint.HEALTH) else least
    return [beat(0.0, say), beat(lasts)] if lasts else []
