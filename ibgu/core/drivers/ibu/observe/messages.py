"""Messages about a cluster that was probed (R8.6)."""

from ibgu.core.drivers.ibu.actions import Action, Stage
from ibgu.core.drivers.ibu.observe.ibu_state import IbuState, detail, last_words
from ibgu.core.drivers.ibu.observe.ibu_view import IbuView
from ibgu.core.model import traits
from ibgu.core.model.kinds import RolloutSpec

_RUNNING = {
    IbuState.PREPARING: Stage.PREP,
    IbuState.UPGRADING: Stage.UPGRADE,
    IbuState.ROLLING_BACK: Stage.ROLLBACK,
}
_FAILED = {
    IbuState.PREP_FAILED: Stage.PREP,
    IbuState.UPGRADE_FAILED: Stage.UPGRADE,
    IbuState.ROLLBACK_FAILED: Stage.ROLLBACK,
}
_NEEDS = {
    Action.PREP: "an Idle cluster",
    Action.UPGRADE: "a cluster that is prepared with {seed}",
    Action.FINALIZE_UPGRADE: "an upgraded cluster",
    Action.ROLLBACK: "a cluster that offers Rollback as its next stage",
    Action.FINALIZE_ROLLBACK: "a cluster that was rolled back",
    Action.ABORT: "a cluster that is neither upgraded nor rolled back and offers Idle",
    Action.ABORT_ON_FAILURE: "a cluster that is neither upgraded nor rolled back and offers Idle",
}
_STATES = {
    IbuState.IDLE: "Idle",
    IbuState.PREPARED: "prepared with {seed}",
    IbuState.UPGRADED: "upgraded to {seed}",
    IbuState.ROLLED_BACK: "rolled back",
}
_NEXT = {
    IbuState.IDLE: "only Prep can follow",
    IbuState.PREPARED: "Upgrade or Abort can follow",
    IbuState.PREP_FAILED: "Abort can follow",
    IbuState.UPGRADED: "FinalizeUpgrade or Rollback can follow",
    IbuState.ROLLED_BACK: "FinalizeRollback can follow",
    IbuState.ROLLBACK_FAILED: "the cluster has to be recovered by hand",
}
_ASKED = {
    IbuState.UPGRADED: Action.UPGRADE.completed_label,
    IbuState.ROLLED_BACK: Action.ROLLBACK.completed_label,
}
"""The label by which what can follow selects a cluster. One that an abort has met is without it."""
_GENERIC = "In progress"


def unsettled(ibu: IbuView) -> str:
    return last_words(ibu, Stage.IDLE) or "the Lifecycle Agent has not reported a state yet"


def running(ibu: IbuView, stands: IbuState) -> str:
    """Returns what runs on the cluster; empty: nothing."""
    stage = _RUNNING.get(stands)
    if stage is None:
        return ""
    message = last_words(ibu, stage)
    return f"{stage} in progress" + (f": {message}" if message and message != _GENERIC else "")


def already(ibu: IbuView, stands: IbuState) -> str:
    return f"was already {_state(ibu, stands)}"


def other_seed(ibu: IbuView, action: Action, stands: IbuState, spec: RolloutSpec) -> str:
    return (
        f"{action} is for the seed {_our_seed(spec)}, but the cluster is "
        f"{_state(ibu, stands)}; {_NEXT[stands]}"
    )


def wrong(ibu: IbuView, action: Action, stands: IbuState, spec: RolloutSpec) -> str:
    need = _NEEDS[action].format(seed=_our_seed(spec))
    stage = _FAILED.get(stands)
    seen = f"its {stage} failed ({detail(ibu, stage)})" if stage else f"it is {_state(ibu, stands)}"
    label = _ASKED.get(stands) if traits(action).aborts else None
    asked = f" once its ManagedCluster has the label {label}" if label else ""
    return f"{action} needs {need}, but {seen}; {_next(ibu, stands)}{asked}"


def _next(ibu: IbuView, stands: IbuState) -> str:
    if stands is not IbuState.UPGRADE_FAILED:
        return _NEXT[stands]
    if Stage.ROLLBACK in ibu.next_stages:
        return "it runs the new release, Rollback can follow"
    if Stage.IDLE in ibu.next_stages:
        return "it runs its former release, Abort can follow"
    return "the Lifecycle Agent offers no next stage, look at the cluster"


def _state(ibu: IbuView, stands: IbuState) -> str:
    return _STATES[stands].format(seed=_seed(ibu.seed_version, ibu.seed_image))


def _our_seed(spec: RolloutSpec) -> str:
    ours = spec.ibu_spec.seed_image_ref
    return _seed(ours.version, ours.image)


def _seed(version: str, image: str) -> str:
    return f"{version or 'without a version'} ({image or 'no image'})"
