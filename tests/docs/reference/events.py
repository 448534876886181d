"""docs/reference/events.md: every kind of event, and whether Kubernetes Events tell it."""

from ibgu.controller.reports.events import FAILURES, LEADER_ELECTION, REPORTED
from ibgu.controller.reports.reporter import NOT_UNDERSTOOD, STATUS_REFUSED
from ibgu.core.model import Kind, ReasonKind
from tests.docs.reference.markdown import code, document, table

INTRO = f"""\
What the history of a rollout is made of: the kinds that `ibgu events` and the
[REST API](../rest.md) (`events`) speak of. Each event has a number, the time, who asked for it
where a person did, and a sentence that says why.

Those marked *Event*, and all that warn, are also Kubernetes Events on the IBGU or FleetUpdate
(`kubectl events --for ibgu/NAME`), with the kind as their reason. At most {FAILURES} failed
clusters of a step get an Event each; the status and the history have all of them. Six more Events
are in no history:

- `{NOT_UNDERSTOOD}`: an annotation is misspelt, or ibgu can't read its value.
- `PayloadMissing`: a ConfigMap or secret that the IBGU names is not on the hub.
- `PayloadUnchecked`: the IBGU is older than the admission policy that checks what it names.
- `{STATUS_REFUSED}`: the hub refuses the status, which shows an earlier time.
- `{ReasonKind.INTERNAL_ERROR}`: an error of ibgu's own stops the rollout, and its status shows
  another hold, or can't be written.
- `{LEADER_ELECTION}`, on the Lease: another controller leads."""

SECTIONS: dict[str, dict[Kind, str]] = {
    "Of a rollout": {
        Kind.ROLLOUT_SEEN: "The IBGU was found on the hub.",
        Kind.PLAN_ACCEPTED: "Steps were appended, and the plan is one of those that are allowed.",
        Kind.ANNOTATIONS_CHANGED: "Annotations for the clusters changed; later runs carry them.",
        Kind.ROLLOUT_STARTED: "Its first step begins, or it goes on with appended steps.",
        Kind.ROLLOUT_HELD: "Nothing new starts in it; the reason says why. Warns.",
        Kind.ROLLOUT_RELEASED: "What held it is over.",
        Kind.ROLLOUT_COMPLETED: "All steps of its plan are finished. Warns if clusters failed.",
        Kind.ROLLOUT_DELETED: "The IBGU was deleted: nothing new starts, what runs is let go.",
        Kind.ADOPTED: "It was taken over from TALM.",
        Kind.CONTROL: "A control annotation, or a rate limit, has changed; the sentence says how. "
        "Warns if something that it asks for is not done: clusters that can't be skipped, a "
        "rate limit that can't be read.",
        Kind.APPROVAL: "Somebody has approved a step of it, or has taken that back. Warns if the "
        "approval does not count.",
        Kind.APPROVAL_ASKED: "Clusters of its step wait for an approval that a policy asks for, or "
        "that one was given or is no longer needed.",
        Kind.BREAK_GLASS: "Somebody lets it pass gates of policies, or no longer does. Warns while "
        "it passes them.",
    },
    "After a restore": {
        Kind.IMPORTED: "A rollout, step or member was built again from what the hub shows.",
    },
    "Of a step": {
        Kind.STEP_OPENED: "Its turn has come; its members are about to be selected.",
        Kind.STEP_ADOPTED: "TALM had begun or finished it.",
        Kind.STEP_STARTED: "Its members are fixed, and its clock runs.",
        Kind.STEP_HELD: "Nothing new starts in it: the circuit breaker, content that changed, rate "
        "limits that can't be read. Warns.",
        Kind.STEP_RELEASED: "What held it is over.",
        Kind.STEP_RATE_LIMITED: "A rate limit delays others than before, or until another time.",
        Kind.CLOCK_STOPPED: "No cluster is in flight and a person is waited for: no time is lost.",
        Kind.CLOCK_STARTED: "The step's time counts again.",
        Kind.PREFLIGHT: "Preflight's rules were evaluated for its clusters, or preflight is no "
        "longer enforced. Warns if there is an error.",
        Kind.CANARY_WELL: "A canary is well for the first time since its upgrade; if it breaks, a "
        "policy may roll it back.",
        Kind.FOLLOW_UP: "A policy has canaries rolled back by a second rollout, or the hub has "
        "that one, or it was not made and a person has to act. Warns.",
        Kind.STEP_FINISHED: "Every member has ended.",
    },
    "Of a member": {
        Kind.JOINED: "The cluster belongs to the step.",
        Kind.MEMBER_ADOPTED: "The same, as TALM has left it.",
        Kind.WAITS: "It has another reason why it has not finished.",
        Kind.PROBED: "The cluster was asked for its state.",
        Kind.ACTION_SKIPPED: "The cluster already was where the action would bring it.",
        Kind.ACTION_REPEATED: "It waits again, before the action that it has completed last: what "
        "that has made, such as a backup, became too old for the next one.",
        Kind.WARNING_ACCEPTED: "A person lets its cluster go on in spite of a warning.",
        Kind.RETURNED: "It waits again, without a slot: its run was withdrawn, or its limit passed "
        "while it waited for a person between two actions.",
        Kind.FINISHED: "It has ended: succeeded, failed, skipped or cancelled. Warns if it failed "
        "or was cancelled.",
        Kind.DETAILED: "The cluster told more about its failure, after it had ended.",
        Kind.COMPLETED_LATE: "Its action completed after it had failed, for example after its "
        "limit.",
        Kind.AUTO_IMPORT_OFF: "A day after its end the cluster has not shown that it is out of its "
        "Upgrade, so automatic import stays off. Warns.",
        Kind.UNWATCHED: "A late completion would not be noticed any more.",
        Kind.ROLLBACK_DEADLINE: "After its end the cluster shows another time until which it can "
        "be rolled back, or none any more.",
        Kind.PAUSED_AGAIN: "The hub was restored to a moment at which the rollout paused parts of "
        "the cluster: ibgu sees that nothing stays paused.",
        Kind.RESUME_DUE: "Nothing in the plan resumes what was paused on the cluster: ibgu does "
        "it now.",
        Kind.RESUMED: "Nothing on the cluster is paused for the rollout any more.",
    },
    "Of a run": {
        Kind.RUN_INTENDED: "An action is decided; content and annotations go first.",
        Kind.RUN_ARMING: "Its ManifestWork is on its way to the hub.",
        Kind.RUN_ARMED: "The hub has it.",
        Kind.RUN_ACCEPTED: "The cluster has accepted the stage as its own.",
        Kind.RUN_PROGRESS: "The cluster has told something new of the stage.",
        Kind.RUN_ENDED: "It has ended; `cause` says why, unless it succeeded.",
        Kind.RUN_DISARMED: "The hub shows that the work only watches.",
        Kind.RUN_REOPENED: "The cluster accepted a withdrawn run after all: it is followed again.",
    },
    "Of a cluster's labels": {
        Kind.LABELS_PENDING: "An outcome asks for a change of labels or annotations.",
        Kind.LABELS_UNCHANGED: "It asks for what stands there already.",
        Kind.LABELS_UPDATED: "The hub has them, or someone has changed them since: theirs stay.",
        Kind.PUT_BACK: "They were written again after the hub was restored from a backup.",
    },
}


def page() -> str:
    told = [block for heading in SECTIONS for block in (f"## {heading}", _table(heading))]
    return document("Events", INTRO, *told)


def _table(heading: str) -> str:
    rows = ((code(kind), means, _where(kind)) for kind, means in SECTIONS[heading].items())
    return table(("kind", "", ""), rows)


def _where(kind: Kind) -> str:
    if kind in REPORTED:
        return "*Event*"
    if kind is Kind.FINISHED:
        return f"*Event* for the first {FAILURES} failures"
    return "not kept" if kind.silent else ""
