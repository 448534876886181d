"""The meaning of every reason why a member is not further (R17.1), what ends it, and what to do. A
kind of change may say more."""

from ibgu.core.engine.driver import KindMeanings
from ibgu.core.engine.gates import GATE_REASONS
from ibgu.core.model import ReasonKind
from ibgu.core.model.meaning import Meaning

_WAITING = {
    ReasonKind.SLOT: Meaning(
        "all slots of the step are taken by members that come before it",
        "its turn: a member that ends frees its slot",
    ),
    ReasonKind.READY: Meaning(
        "the cluster has answered that it can start", "its turn: a member that ends frees its slot"
    ),
    ReasonKind.PROBING: Meaning(
        "before it acts, ibgu asks the cluster for its state",
        "the cluster's answer, usually within seconds",
    ),
    ReasonKind.CLAIM: Meaning(
        "only one rollout works on a cluster at a time, and another one has it",
        "the other rollout's end on this cluster",
        "nothing, or end what the other rollout does there",
    ),
    ReasonKind.PREEMPTING: Meaning(
        "this rollout cancels or rolls back, and takes the cluster from an older one",
        "the older rollout's work on the cluster is disarmed",
    ),
    ReasonKind.UNREACHABLE: Meaning(
        "the hub has no contact with the cluster",
        "the cluster reports to the hub again",
        "check power, network and klusterlet of the site; once it is back, ibgu goes on by itself",
    ),
    ReasonKind.NO_ANSWER: Meaning(
        "the cluster is reachable, but its work agent does not answer, or could not be asked",
        "the agent's answer; ibgu keeps asking",
        "check the klusterlet's work agent on the cluster, or what the hub refuses",
    ),
    ReasonKind.BUSY: Meaning(
        "the cluster's agent is at something else, as its words say",
        "the agent is done with it; ibgu looks again by itself",
        "see what the agent is at; nothing, if it was asked for",
    ),
    ReasonKind.ABSENT: Meaning(
        "nothing on the cluster can carry the action out: its agent is missing",
        "the agent is installed; ibgu looks again by itself",
        "install the agent there, or take the cluster out with ibgu.dev/skip",
    ),
    ReasonKind.TERMINATING: Meaning(
        "an earlier ManifestWork of the cluster is still being deleted",
        "the old ManifestWork is gone",
        "nothing; if it lasts, see whether the cluster's work agent runs",
    ),
    ReasonKind.START_JITTER: Meaning(
        "the IBGU asks that starts are spread: this one is put off by a part of the jitter",
        "its start time, shown here",
        "nothing; or change or remove the annotation ibgu.dev/start-jitter",
    ),
    ReasonKind.REOPENING: Meaning(
        "the cluster took a run after all that ibgu had withdrawn; it is followed again",
        "it gets a slot, before all others",
    ),
    ReasonKind.FORBIDDEN: Meaning(
        "ibgu's account lacks a right on the hub",
        "the right is given",
        "give the right that the line above names; `ibgu doctor` lists all that are missing",
    ),
    ReasonKind.TALM_WORK: Meaning(
        "a ManifestWork of TALM's acts on the cluster, and two must not",
        "TALM's ManifestWork is gone",
        "let ibgu take the rollout over (ibgu.dev/adopt), or delete TALM's IBGU",
    ),
}

_IN_FLIGHT = {
    ReasonKind.PREPARING: Meaning(
        "what has to be there before the action is on its way to the cluster",
        "the cluster shows that it is there",
    ),
    ReasonKind.ARMING: Meaning(
        "the hub has the order, the cluster has not taken it yet", "the cluster takes the stage"
    ),
    ReasonKind.APPLY_ERROR: Meaning(
        "the cluster could not apply the order, and tries again by itself",
        "it is applied; if the error stands, the action fails",
        "see the cluster's words; nothing, if they tell of a passing trouble",
    ),
    ReasonKind.REFUSED: Meaning(
        "the cluster does not take the action in its present state",
        "the cluster takes it; if it refuses for 2 minutes, the action fails",
        "see the cluster's words",
    ),
    ReasonKind.PAYLOAD_ERROR: Meaning(
        "the cluster refuses what the rollout carries to it",
        "it is applied; if the error stands, the action fails",
        "mend the ConfigMap or Secret on the hub that the line above names",
    ),
    ReasonKind.RUNNING: Meaning(
        "the cluster works; these are its last words",
        "the cluster reports the action's end",
        "nothing: the cluster is at it",
    ),
    ReasonKind.REBOOTING: Meaning(
        "the cluster reboots, and can't be reached meanwhile",
        "the cluster reports to the hub again",
        "nothing: wait for the cluster",
    ),
    ReasonKind.DIVERGED: Meaning(
        "somebody else has changed the cluster's stage or its ManifestWork; ibgu does not fight it",
        "what was changed is put back; if not, the cluster counts as taken over by hand",
        "talk to who did it, or leave the cluster to them",
    ),
    ReasonKind.DISARMING: Meaning(
        "the action is over; its ManifestWork is being set to only watch",
        "the hub shows it disarmed",
    ),
}

REASONS: dict[ReasonKind, Meaning] = (
    _WAITING | _IN_FLIGHT | {kind: reason.meaning for kind, reason in GATE_REASONS.items()}
)


def meaning_of_reason(kind: ReasonKind, own: KindMeanings) -> Meaning:
    """Returns the meaning of the reason for the kind of change with these `own` meanings."""
    return own.reasons.get(kind) or REASONS[kind]
