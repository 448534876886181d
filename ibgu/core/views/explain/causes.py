"""The meaning of every cause for which a member did not succeed (R10.7), and what to do. A kind of
change may say more."""

from ibgu.core.engine.driver import KindMeanings
from ibgu.core.model import Cause
from ibgu.core.model.meaning import Meaning

_FAILED = Meaning("the cluster reports that the action failed", do="read the cluster's message")
"""A failure that only its kind of change tells from others."""

CAUSES: dict[Cause, Meaning] = {
    Cause.WRITE_REFUSED: Meaning(
        "the hub rejects what ibgu writes for this cluster",
        do="fix what the hub's message names, then take the cluster into a new rollout",
    ),
    Cause.PAYLOAD_REFUSED: Meaning(
        "the cluster rejects an object that the rollout delivers to it",
        do="fix the ConfigMap or Secret on the hub, then take the cluster into a new rollout",
    ),
    Cause.TIMED_OUT: Meaning(
        "the cluster timed out before the action was done; the action may still be running",
        do="check the cluster; if the action completes later, ibgu records that",
    ),
    Cause.NEVER_STARTED: Meaning(
        "the step was over for the cluster before the action could start",
        do="take the cluster into a new rollout, with a longer timeout or more concurrency",
    ),
    Cause.WRONG_STATE: Meaning(
        "the cluster's state does not allow the action",
        do="create a rollout for the cluster with an action that can follow, as the message says, "
        "or bring the cluster to the state that this action needs",
    ),
    Cause.AGENT_ABSENT: Meaning(
        "the agent that carries out the action was missing on the cluster until the timeout",
        do="install the agent there, then take the cluster into a new rollout",
    ),
    Cause.TAKEN_OVER: Meaning(
        "someone changed the cluster's stage or ManifestWork by hand, so ibgu stopped "
        "managing it in this step",
        do="ask the person who changed it; ibgu does nothing more on the cluster in this step",
    ),
    Cause.CANCELLED: Meaning(
        "another rollout that cancels or rolls back has taken the cluster",
        do="nothing: check the rollout that took the cluster",
    ),
    Cause.PREEMPTED: Meaning(
        "another rollout that cancels or rolls back took the cluster while the action ran",
        do="nothing: check the rollout that took the cluster",
    ),
    Cause.SKIPPED: Meaning(
        "a person took the cluster out of the step, and so of later steps that need it",
        do="nothing; to upgrade it, create another rollout",
    ),
    Cause.GONE: Meaning(
        "the ManagedCluster was deleted from the hub", do="nothing, if this was intended"
    ),
    Cause.RECREATED: Meaning(
        "the ManagedCluster was deleted and created again: it may be another cluster",
        do="nothing; a later step selects the new cluster if its labels match",
    ),
    Cause.DELETED: Meaning(
        "the rollout was deleted before the cluster had ended",
        do="check the cluster: ibgu has not undone what had started there",
    ),
}

_FINDINGS = frozenset(
    {
        Cause.SPEC_REFUSED,
        Cause.TRANSITION_REFUSED,
        Cause.WRITE_REFUSED,
        Cause.PAYLOAD_REFUSED,
        Cause.NEVER_STARTED,
        Cause.WRONG_STATE,
        Cause.AGENT_ABSENT,
    }
)


def meaning_of_cause(cause: Cause, own: KindMeanings) -> Meaning:
    """Returns the meaning of the cause for the kind of change with these `own` meanings."""
    return own.causes.get(cause) or CAUSES.get(cause, _FAILED)


def finding(cause: Cause | None, own: KindMeanings) -> Meaning | None:
    """Returns the meaning of a cause that says by itself what to do, as whole sentences; None: that
    depends on the cluster's words."""
    if cause is None or cause not in _FINDINGS:
        return None
    meaning = meaning_of_cause(cause, own)
    return Meaning(_sentence(meaning.means), do=_sentence(meaning.do))


def _sentence(words: str) -> str:
    return f"{words[0].upper()}{words[1:]}."
