"""The meaning of every cause for which a member did not succeed (R10.7), and what to do."""

from ibgu.core.model import Cause
from ibgu.core.model.meaning import Meaning

_AGAIN = "append AbortOnFailure, and Prep again"

CAUSES: dict[Cause, Meaning] = {
    Cause.PREP_FAILED: Meaning(
        "the cluster reports that Prep failed; it runs on as before",
        do=f"mend what its words name, {_AGAIN}",
    ),
    Cause.UPGRADE_FAILED: Meaning(
        "the cluster reports that Upgrade failed",
        do=f"see its words and which release it runs; mend, {_AGAIN}",
    ),
    Cause.UPGRADE_FAILED_AFTER_PIVOT: Meaning(
        "Upgrade failed on the new release, which the cluster still runs: automatic rollback is "
        "off, and no plan but a Rollback takes it further",
        do="see its words; roll it back with `ibgu rollback --failed`, mend, and Prep again",
    ),
    Cause.ROLLBACK_FAILED: Meaning(
        "the cluster reports that Rollback failed",
        do="go to the cluster: which release it runs is for a person to say",
    ),
    Cause.ABORT_FAILED: Meaning(
        "the cluster could not clean up after the abort",
        do="clean up by hand what its words name, then say so with `ibgu confirm-cleanup`: the "
        "abort runs again",
    ),
    Cause.FINALIZE_FAILED: Meaning(
        "the upgrade is through, but the cluster could not clean up after it",
        do="clean up by hand what its words name, then say so with `ibgu confirm-cleanup`: the "
        "finalize runs again",
    ),
    Cause.SPEC_REFUSED: Meaning(
        "the cluster refuses a field of the IBGU's ibuSpec; while a cluster is not Idle, only the "
        "stage may change",
        do="make a new IBGU with the ibuSpec of the one that last acted on the cluster",
    ),
    Cause.TRANSITION_REFUSED: Meaning(
        "the Lifecycle Agent does not go to this stage from the one that it is in",
        do="bring the cluster's ImageBasedUpgrade to Idle, then start again",
    ),
    Cause.WRITE_REFUSED: Meaning(
        "the hub refuses what ibgu would write for this cluster",
        do="mend what the hub's words name, then append the step again",
    ),
    Cause.PAYLOAD_REFUSED: Meaning(
        "the cluster refuses what the rollout carries to it",
        do=f"correct the ConfigMap or Secret on the hub, {_AGAIN}",
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
        "the Lifecycle Agent was not on the cluster all the time",
        do="install the Lifecycle Agent there, then append the step again",
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


def finding(cause: Cause | None) -> Meaning | None:
    """Returns the meaning of a cause that says by itself what to do, as whole sentences; None: that
    depends on the cluster's words."""
    if cause not in _FINDINGS:
        return None
    meaning = CAUSES[cause]
    return Meaning(_sentence(meaning.means), do=_sentence(meaning.do))


def _sentence(words: str) -> str:
    return f"{words[0].upper()}{words[1:]}."
