"""The gate of a rollout that is held: by a person, by TALM, by a restore, or by its own plan."""

from datetime import datetime

from ibgu.core.engine.gate import GateInput, GateReason
from ibgu.core.engine.gates.gate import RolloutGate
from ibgu.core.engine.snapshot import Snapshot
from ibgu.core.model import Reason, ReasonKind
from ibgu.core.model.meaning import RESUME, Meaning


def _rollout_hold(snapshot: Snapshot, now: datetime) -> Reason | None:
    return snapshot.tracked.rollout.hold


_MEANINGS = {
    ReasonKind.INVALID_PLAN: Meaning(
        "the IBGU can't be carried out as it is now; what is in flight goes on",
        "the IBGU is valid again",
        "change the IBGU's spec as the line above says",
    ),
    ReasonKind.PAUSED: Meaning(
        "a person has paused the rollout: nothing new starts",
        "a person resumes it",
        "once what it was paused for is over: Resume, or `ibgu resume`",
    ),
    ReasonKind.TALM: Meaning(
        "TALM runs on the hub, and two must not carry out one plan",
        "TALM no longer runs, or the policy ibgu-beside-talm keeps it from IBGUs",
        "mend the policy as the line above says (besideTalm of the chart), or scale TALM's "
        "deployment to zero, as docs/coming-from-talm.md tells",
    ),
    ReasonKind.ADOPTION: Meaning(
        "TALM has begun this rollout and left it unfinished",
        "a person lets ibgu take it over",
        "annotate the IBGU with ibgu.dev/adopt",
    ),
    ReasonKind.ADOPTING: Meaning(
        "what TALM has left of the rollout is being removed", "nothing of it is left"
    ),
    ReasonKind.RESTORED: Meaning(
        "the hub or the journal was restored, and the current state can't be proven",
        "a person resumes it",
        f"compare the clusters with what is shown, {RESUME}",
    ),
    ReasonKind.INTERNAL_ERROR: Meaning(
        "an error of ibgu's own keeps this rollout from being worked on, while all others go on; "
        "its clusters in flight are not followed",
        "ibgu gets through: it tries again by itself, after a minute and then less and less often, "
        "and soon after the IBGU is changed",
        "send the controller's log to those who maintain ibgu; a version without the error goes on "
        "where this one stopped",
    ),
}

ROLLOUT_HOLD = RolloutGate(
    name="rollout-hold",
    check=_rollout_hold,
    reasons={kind: GateReason(meaning=meaning) for kind, meaning in _MEANINGS.items()},
    needs=frozenset({GateInput.RECORDS}),
    own=True,
)
