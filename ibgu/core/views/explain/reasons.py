"""The meaning of every reason why a member has not finished (R17.1), what ends it, and what to do.

A kind of change may say more."""

from ibgu.core.engine.driver import KindMeanings
from ibgu.core.engine.gates import GATE_REASONS
from ibgu.core.model import ReasonKind
from ibgu.core.model.meaning import Meaning

_WAITING = {
    ReasonKind.SLOT: Meaning(
        "all slots of the step are taken by members that come before it",
        "a member in flight ends and frees its slot",
    ),
    ReasonKind.READY: Meaning(
        "the cluster is ready to start", "a member in flight ends and frees its slot"
    ),
    ReasonKind.PROBING: Meaning(
        "ibgu is checking the cluster's state before it acts",
        "the cluster's answer, usually within seconds",
    ),
    ReasonKind.CLAIM: Meaning(
        "only one rollout works on a cluster at a time, and another one has it",
        "the other rollout's end on this cluster",
        "nothing, or end the other rollout's action on this cluster",
    ),
    ReasonKind.PREEMPTING: Meaning(
        "this rollout cancels or rolls back, and takes the cluster from an older one",
        "the older rollout's work on the cluster is disarmed",
    ),
    ReasonKind.UNREACHABLE: Meaning(
        "the hub has no contact with the cluster",
        "the cluster reports to the hub again",
        "check power, network and klusterlet of the site; ibgu continues automatically "
        "when the cluster is back",
    ),
    ReasonKind.NO_ANSWER: Meaning(
        "the cluster is reachable, but its work agent does not respond, or ibgu could not reach it",
        "the agent responds; ibgu keeps retrying",
        "check the klusterlet's work agent on the cluster, or what the hub rejects",
    ),
    ReasonKind.BUSY: Meaning(
        "the cluster's agent is busy with something else, as its message says",
        "the agent is done; ibgu checks again automatically",
        "check what the agent is doing; nothing, if this is intended",
    ),
    ReasonKind.ABSENT: Meaning(
        "the agent that carries out the action is missing on the cluster",
        "the agent is installed; ibgu checks again automatically",
        "install the agent there, or take the cluster out with ibgu.dev/skip",
    ),
    ReasonKind.WRONG_STATE: Meaning(
        "the action can't start in the state in which the cluster is, as the message says; the "
        "cluster has not failed yet, because its step is held",
        "the cluster is in a state in which the action may start; if it is not when the step goes "
        "on, it fails",
        "correct the cluster before you resume the rollout, or take it out with ibgu.dev/skip",
    ),
    ReasonKind.TERMINATING: Meaning(
        "an earlier ManifestWork of the cluster is still being deleted",
        "the old ManifestWork is gone",
        "nothing; if this lasts, check that the cluster's work agent is running",
    ),
    ReasonKind.START_JITTER: Meaning(
        "the rollout spreads its starts: the jitter delays this one",
        "its start time, shown here",
        "nothing, or change or remove the annotation ibgu.dev/start-jitter",
    ),
    ReasonKind.REOPENING: Meaning(
        "the cluster started a run that ibgu had withdrawn; ibgu follows it again",
        "the cluster gets the next free slot",
    ),
    ReasonKind.FORBIDDEN: Meaning(
        "ibgu's account lacks a right on the hub",
        "the right is granted",
        "grant the right that the line above names; `ibgu doctor` lists all missing rights",
    ),
    ReasonKind.TALM_WORK: Meaning(
        "a ManifestWork of TALM is active on the cluster, and ibgu must not act at the same time",
        "TALM's ManifestWork is deleted",
        "let ibgu adopt the rollout (ibgu.dev/adopt), or delete TALM's IBGU",
    ),
    ReasonKind.MALFORMED: Meaning(
        "ManifestWorks or other objects of the cluster on the hub are malformed, so ibgu can't "
        "tell what is on the cluster, and decides nothing on it",
        "ibgu can read all objects of the cluster",
        "correct or delete the objects that the log of `ibgu controller` names as malformed",
    ),
}

_IN_FLIGHT = {
    ReasonKind.PREPARING: Meaning(
        "ibgu is delivering the objects that the action needs",
        "the cluster reports that it has them",
    ),
    ReasonKind.ARMING: Meaning(
        "the action is on the hub, but the cluster has not accepted it yet",
        "the cluster accepts the stage",
    ),
    ReasonKind.APPLY_ERROR: Meaning(
        "the cluster could not apply the action, and retries automatically",
        "it is applied; if the error persists, the action fails",
        "read the cluster's message; nothing, if the problem is temporary",
    ),
    ReasonKind.REFUSED: Meaning(
        "the cluster rejects the action in its present state",
        "the cluster accepts it; if it rejects it for 2 minutes, the action fails",
        "read the cluster's message",
    ),
    ReasonKind.PAYLOAD_ERROR: Meaning(
        "the cluster rejects an object that the rollout delivers to it",
        "it is applied; if the error persists, the action fails",
        "fix the ConfigMap or Secret on the hub that the line above names",
    ),
    ReasonKind.RUNNING: Meaning(
        "the cluster is working; this is its last message",
        "the cluster reports the action's end",
        "nothing: the cluster is working",
    ),
    ReasonKind.REBOOTING: Meaning(
        "the cluster reboots, and can't be reached meanwhile",
        "the cluster reports to the hub again",
        "nothing: wait for the cluster",
    ),
    ReasonKind.DIVERGED: Meaning(
        "someone else changed the cluster's stage or its ManifestWork; ibgu does not "
        "overwrite the change",
        "the change is reverted; otherwise the cluster counts as taken over by hand",
        "ask the person who changed it, or leave the cluster to them",
    ),
    ReasonKind.SOAKING: Meaning(
        "the cluster has done what it was asked for; the rollout watches it for a while before it "
        "goes on",
        "the soak time is over; it begins again if the cluster fails meanwhile",
        "nothing: use the time to check the workloads of the cluster",
    ),
    ReasonKind.DISARMING: Meaning(
        "the action is over; ibgu is setting its ManifestWork to watch only, or removes its Job",
        "the hub shows the work disarmed, and has none of a Job any more",
    ),
}

REASONS: dict[ReasonKind, Meaning] = (
    _WAITING | _IN_FLIGHT | {kind: reason.meaning for kind, reason in GATE_REASONS.items()}
)


def meaning_of_reason(kind: ReasonKind, own: KindMeanings) -> Meaning:
    """Returns the meaning of the reason for the kind of change with these `own` meanings."""
    return own.reasons.get(kind) or REASONS[kind]
