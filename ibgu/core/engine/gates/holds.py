"""The gate of a rollout that is held: by a person, by TALM, by a restore, or by its own plan.

Each of these holds is found, and ended, by the rule of its own that notes it on the rollout.
"""

from datetime import datetime, timedelta

from ibgu.core.engine.gate import GateInput, GateReason
from ibgu.core.engine.gates.gate import RolloutGate
from ibgu.core.engine.state.snapshot import Snapshot
from ibgu.core.model import ActingParty, Reason, ReasonKind, names
from ibgu.core.model.meaning import RESUME, Meaning, OverdueRule

_PAUSED = "paused by a person"
_END_IT = f"it goes on once the annotation {names.PAUSE} is removed"
_MAX_PAUSE_TEXT = 200
"""Characters of the annotation's value that are shown."""


def _rollout_hold(snapshot: Snapshot, now: datetime) -> Reason | None:
    return snapshot.tracked.rollout.hold


def paused(value: str, now: datetime) -> Reason:
    """Returns the hold of a rollout with the annotation of that value."""
    said = f" ({value[:_MAX_PAUSE_TEXT]})" if value else ""
    words = f"{_PAUSED}{said}; {_END_IT}"
    return Reason(ReasonKind.PAUSED, now, words, None, ActingParty.PERSON)


def name_taken(kind: str, now: datetime) -> Reason:
    """Returns the hold of a rollout whose name an older object of that kind has."""
    words = (
        f"an older {kind} has this name, and rollouts are known by namespace and name: create it "
        "under another name"
    )
    return Reason(ReasonKind.NAME_TAKEN, now, words, None, ActingParty.PERSON)


def internal_error(words: str, now: datetime) -> Reason:
    """Returns the hold of a rollout that an error of ibgu's own keeps from being decided on."""
    return Reason(ReasonKind.INTERNAL_ERROR, now, words, None, ActingParty.PERSON)


def _pause_ended(words: str) -> str:
    return f"the pause{words.removeprefix(_PAUSED)} has ended"


_REASONS = {
    ReasonKind.INVALID_PLAN: GateReason(
        meaning=Meaning(
            "the rollout can't be carried out as it is now; clusters in flight continue",
            "its spec is valid again",
            "change its spec as the line above says",
        ),
        stops_clock=True,
        new_starts_only=True,
    ),
    ReasonKind.PAUSED: GateReason(
        meaning=Meaning(
            "a person has paused the rollout: nothing new starts",
            "a person resumes it",
            "when the cause of the pause is over, press Resume or run `ibgu resume NAME`",
        ),
        resumable=True,
        stops_clock=True,
        new_starts_only=True,
        asks=_END_IT,
        ended=_pause_ended,
        title="Paused",
    ),
    ReasonKind.NAME_TAKEN: GateReason(
        meaning=Meaning(
            "an older rollout of another kind has the same namespace and name",
            "the older one is deleted",
            "delete one of the two, and create it again under another name",
        ),
        stops_clock=True,
        ended=lambda words: "no older object has this name any more",
    ),
    ReasonKind.TALM: GateReason(
        meaning=Meaning(
            "TALM is running on the hub, or ibgu can't tell, and only one controller may carry out "
            "a plan",
            "TALM no longer runs, or the policy ibgu-beside-talm keeps it from IBGUs, and it has "
            "left nothing in the namespace in spite of it",
            "do what the line above says: fix the policy (besideTalm of the chart), scale TALM's "
            "deployment to zero as docs/coming-from-talm.md describes, or let ibgu read TALM's "
            "Lease again",
        ),
        stops_clock=True,
        by_message=True,
        ended=lambda words: "TALM no longer holds the rollout",
    ),
    ReasonKind.ADOPTION: GateReason(
        meaning=Meaning(
            "TALM has begun this rollout and left it unfinished",
            "a person lets ibgu take it over",
            "annotate the IBGU with ibgu.dev/adopt",
        ),
        ended=lambda words: "nothing is left for ibgu to take over from TALM",
    ),
    ReasonKind.ADOPTING: GateReason(
        meaning=Meaning(
            "what TALM has left of the rollout is being removed", "nothing is left of it"
        ),
        overdue=OverdueRule(
            timedelta(minutes=10),
            "check what keeps TALM's ClusterGroupUpgrades and ManifestWorks from going: their "
            "finalizers and, on the clusters, the work agents; beside a live TALM its log. Once "
            "you stop TALM, ibgu removes them itself",
        ),
        by_message=True,
        ended=lambda words: "nothing of TALM's is left",
    ),
    ReasonKind.RESTORED: GateReason(
        meaning=Meaning(
            "the hub or the journal was restored, and the current state can't be proven",
            "a person resumes it",
            f"compare the clusters with what is shown, {RESUME}",
        ),
        resumable=True,
        opened="goes on after the restore",
    ),
    ReasonKind.INTERNAL_ERROR: GateReason(
        meaning=Meaning(
            "an internal error of ibgu stops this rollout, while all others continue; ibgu "
            "does not follow its clusters in flight",
            "ibgu gets through: it tries again by itself, after a minute and then less and less "
            "often, and soon after the rollout's object is changed",
            "send the controller's log to the maintainers of ibgu; a fixed version "
            "continues where this one stopped",
        ),
        ended=lambda words: "ibgu no longer meets the error of its own",
    ),
}

ROLLOUT_HOLD = RolloutGate(
    name="rollout-hold",
    check=_rollout_hold,
    reasons=_REASONS,
    needs=frozenset({GateInput.RECORDS}),
    own=True,
)
