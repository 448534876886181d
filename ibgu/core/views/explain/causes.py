"""The meaning of every cause for which a member did not succeed (R10.7), and what to do. A kind of
change may say more."""

from ibgu.core.engine.driver import KindMeanings
from ibgu.core.model import Cause
from ibgu.core.model.meaning import Meaning

_FAILED = Meaning("the cluster reports that the action failed", do="see the cluster's words")
"""A failure that only its kind of change tells from others."""

CAUSES: dict[Cause, Meaning] = {
    Cause.WRITE_REFUSED: Meaning(
        "the hub refuses what ibgu would write for this cluster",
        do="mend what the hub's words name, then append the step again",
    ),
    Cause.PAYLOAD_REFUSED: Meaning(
        "the cluster refuses what the rollout carries to it",
        do="correct the ConfigMap or Secret on the hub, then append the step again",
    ),
    Cause.TIMED_OUT: Meaning(
        "its time in the step was over before it was done; it may still be at it",
        do="see what the cluster is at; what comes true later is noted",
    ),
    Cause.NEVER_STARTED: Meaning(
        "the step's time was over before its turn came",
        do="append a step for it, with a longer timeout or more concurrency",
    ),
    Cause.WRONG_STATE: Meaning(
        "the cluster's state does not allow the action",
        do="append a step that its words allow",
    ),
    Cause.AGENT_ABSENT: Meaning(
        "the agent that carries the action out was not on the cluster all the time",
        do="install the agent there, then append the step again",
    ),
    Cause.TAKEN_OVER: Meaning(
        "somebody changed the cluster's stage or work by hand; ibgu left it to them",
        do="talk to who did it; ibgu does nothing more there in this step",
    ),
    Cause.CANCELLED: Meaning(
        "another rollout that cancels or rolls back has taken the cluster",
        do="nothing: see the rollout that took it",
    ),
    Cause.PREEMPTED: Meaning(
        "another rollout that cancels or rolls back took the cluster while the action ran",
        do="nothing: see the rollout that took it",
    ),
    Cause.SKIPPED: Meaning(
        "a person took the cluster out of the step", do="nothing; a later step may take it again"
    ),
    Cause.GONE: Meaning(
        "the ManagedCluster was deleted from the hub", do="nothing, if that was meant"
    ),
    Cause.RECREATED: Meaning(
        "the ManagedCluster was deleted and created again: it may be another cluster",
        do="nothing; a later step takes the new one if its labels fit",
    ),
    Cause.DELETED: Meaning(
        "the rollout was deleted before the cluster had ended",
        do="see what the cluster is at: what had begun on it was not undone",
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
