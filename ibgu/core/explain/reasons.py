"""The meaning of every reason why a member is not further (R17.1), what ends it, and what to do."""

from ibgu.core.explain.meaning import Meaning
from ibgu.core.model import ReasonKind

_RESUME = "then annotate the IBGU with ibgu.dev/resume"

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
        "the cluster's answer, as a rule within seconds",
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
        "the Lifecycle Agent is at something else, as its words say",
        "the agent is done with it; ibgu looks again by itself",
        "see what the agent is at; nothing, if it was asked for",
    ),
    ReasonKind.ABSENT: Meaning(
        "nothing on the cluster answers for an ImageBasedUpgrade: the Lifecycle Agent is missing",
        "the agent is installed; ibgu looks again by itself",
        "install the Lifecycle Agent there, or take the cluster out with ibgu.dev/skip",
    ),
    ReasonKind.TERMINATING: Meaning(
        "an earlier ManifestWork of the cluster is still being deleted",
        "the old ManifestWork is gone",
        "nothing; if it lasts, see whether the cluster's work agent runs",
    ),
    ReasonKind.START_JITTER: Meaning(
        "the IBGU asks that starts are spread: this one is put off by a part of the jitter",
        "its time has come, which is told beside this",
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
        "the Lifecycle Agent does not go to this stage from the one that it is in, or it refuses a "
        "field of the spec, which may change only while the cluster is Idle",
        "the agent takes it; if it refuses for 2 minutes, the action fails",
        "if a field is named: make a new IBGU with the ibuSpec of the one that last acted on the "
        "cluster; else see which stages the cluster's ImageBasedUpgrade allows next",
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

_HOLDS = {
    ReasonKind.CIRCUIT_BREAKER: Meaning(
        "too many clusters have failed alike, so nothing new starts in the step",
        "a person lets it go on",
        f"find out why they failed (ibgu status), {_RESUME}",
    ),
    ReasonKind.PAYLOAD_CHANGED: Meaning(
        "what the step carries to its clusters has changed on the hub since it began",
        "a person lets it go on with the new content",
        f"see whether the change is meant, {_RESUME}",
    ),
    ReasonKind.PAYLOAD_BLOCKED: Meaning(
        "what the rollout is to carry to its clusters can't be used",
        "the objects on the hub are mended",
        "mend what the line above names",
    ),
    ReasonKind.UNBOUND: Meaning(
        "the rollout's namespace may take only clusters of the cluster sets that are bound to it",
        "a set of the cluster is bound to the namespace (ManagedClusterSetBinding)",
        "have the cluster's set bound to the namespace, or the rollout made where it is bound",
    ),
    ReasonKind.INVALID_PLAN: Meaning(
        "the IBGU can't be carried out as it is now; what is in flight goes on",
        "the IBGU is valid again",
        "change the IBGU's spec as the line above says",
    ),
    ReasonKind.PAUSED: Meaning(
        "a person has paused the rollout: nothing new starts",
        "a person lets it go on",
        "once what it was paused for is over: Resume, or `ibgu resume`",
    ),
    ReasonKind.TALM: Meaning(
        "TALM runs on the hub, and two must not carry out one plan",
        "TALM no longer runs",
        "scale TALM's deployment to zero, as docs/coming-from-talm.md tells",
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
        "the hub or the journal went back in time, and what is so can't be proven",
        "a person lets it go on",
        f"compare the clusters with what is shown, {_RESUME}",
    ),
    ReasonKind.INTERNAL_ERROR: Meaning(
        "an error of ibgu's own keeps this rollout from being worked on, while all others go on; "
        "its clusters in flight are not followed",
        "ibgu gets through: it tries again by itself, after a minute and then ever more seldom, "
        "and soon after the IBGU is changed",
        "send the controller's log to those who maintain ibgu; a version without the error goes on "
        "where this one stopped",
    ),
    ReasonKind.FLOOR: Meaning(
        "too little of the step's time is left to start and see it through",
        "the step's end: its waiting members fail as never started",
        "append a step for the clusters that are left, with a longer timeout",
    ),
}

_RATE_LIMITS = {
    ReasonKind.RATE_LIMIT_INVALID: Meaning(
        "an annotation of the rate limits can't be read, so nothing new starts; clusters in "
        "flight go on",
        "the annotation is changed or removed",
        "change or remove the annotation that the line above names",
    ),
    ReasonKind.START_RATE: Meaning(
        "as many clusters of the rollout have started within a minute as the IBGU allows",
        "the next one may start, a minute after the earliest of these starts: the time is told",
        "nothing; or change or remove the annotation ibgu.dev/starts-per-minute",
    ),
    ReasonKind.HUB_START_RATE: Meaning(
        "as many clusters of the whole hub have started within a minute as ibgu is set to allow; "
        "rollouts that wait for this get the same share",
        "the next one may start, a minute after the earliest of these starts: the time is told",
        "nothing; or change the setting IBGU_STARTS_PER_MINUTE",
    ),
    ReasonKind.RAMP_UP: Meaning(
        "the rollout begins with one cluster, then two, then four: all that may be in flight are",
        "as many clusters as the line above names have ended; one that hangs ends at its limit",
        "nothing; or remove the annotation ibgu.dev/ramp-up to go on at full width",
    ),
}

REASONS: dict[ReasonKind, Meaning] = _WAITING | _IN_FLIGHT | _HOLDS | _RATE_LIMITS
