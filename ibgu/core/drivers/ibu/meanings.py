"""The meanings of reasons and causes for an image-based upgrade (R10.7, R17.1), and what to do."""

from ibgu.core.engine.driver import KindMeanings
from ibgu.core.model import Cause, ReasonKind
from ibgu.core.model.meaning import CHECK_WORK_AGENT, Meaning

_AGAIN = "then run `ibgu retry NAME --abort-first`"
_AGENT = (
    "check on the cluster what the Lifecycle Agent is doing: `oc get ibu upgrade "
    "-o yaml`, and the log of its pod in openshift-lifecycle-agent"
)

_REASONS = {
    ReasonKind.BUSY: Meaning(
        "the Lifecycle Agent is busy with something else, as its message says",
        "the agent is done; ibgu checks again automatically",
        "check what the agent is doing; nothing, if this is intended",
    ),
    ReasonKind.ABSENT: Meaning(
        "nothing on the cluster answers for an ImageBasedUpgrade: the Lifecycle Agent is missing",
        "the agent is installed; ibgu checks again automatically",
        "install the Lifecycle Agent there, or take the cluster out with ibgu.dev/skip",
    ),
    ReasonKind.REFUSED: Meaning(
        "the Lifecycle Agent does not go to this stage from the one that it is in, or it refuses a "
        "field of the spec, which may change only while the cluster is Idle",
        "the agent takes it; if it refuses for 2 minutes, the action fails",
        "if a field is named: make a new IBGU with the ibuSpec of the one that last acted on the "
        "cluster; else see which stages the cluster's ImageBasedUpgrade allows next",
    ),
}

_CAUSES = {
    Cause.PREP_FAILED: Meaning(
        "the cluster reports that Prep failed; its running release is unchanged",
        do=f"fix what its message names, {_AGAIN}",
    ),
    Cause.BACKUP_FAILED: Meaning(
        "the Job that takes the backup before Upgrade did not succeed; the cluster is not upgraded",
        do=f"do what its message asks for, {_AGAIN}",
    ),
    Cause.UPGRADE_FAILED: Meaning(
        "the cluster reports that Upgrade failed",
        do=f"read its message and check which release it runs; fix the problem, {_AGAIN}",
    ),
    Cause.UPGRADE_FAILED_AFTER_PIVOT: Meaning(
        "Upgrade failed on the new release, which the cluster still runs: automatic "
        "rollback is off, and only a Rollback is possible",
        do="read its message and fix the problem; roll the cluster back with "
        "`ibgu rollback NAME --failed --finalize`, then upgrade it by a new rollout",
    ),
    Cause.ROLLBACK_FAILED: Meaning(
        "the cluster reports that Rollback failed",
        do="check on the cluster which release it runs",
    ),
    Cause.ABORT_FAILED: Meaning(
        "the cluster could not clean up after the abort",
        do="clean up by hand what its message names, then run `ibgu confirm-cleanup NAME`: the "
        "abort runs again",
    ),
    Cause.FINALIZE_FAILED: Meaning(
        "the cluster could not clean up after its upgrade or rollback, which is complete",
        do="clean up by hand what its message names, then run `ibgu confirm-cleanup NAME`: the "
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
    Cause.PAYLOAD_REFUSED: Meaning(
        "the cluster rejects an object that the rollout delivers to it",
        do=f"fix the ConfigMap or Secret on the hub, {_AGAIN}",
    ),
    Cause.NEVER_STARTED: Meaning(
        "the step was over for the cluster before the action could start",
        do="`ibgu retry NAME`, with a longer --timeout or a larger --max-concurrency",
    ),
    Cause.AGENT_ABSENT: Meaning(
        "the Lifecycle Agent was missing on the cluster until the timeout",
        do="install the Lifecycle Agent there, then `ibgu retry NAME`",
    ),
}

IBU_MEANINGS = KindMeanings(
    reasons=_REASONS,
    causes=_CAUSES,
    checks={
        ReasonKind.BUSY: _AGENT,
        ReasonKind.RUNNING: f"{_AGENT}. If its state has not changed, {CHECK_WORK_AGENT}",
        ReasonKind.REBOOTING: (
            "check the site's console (BMC): whether it boots, and which release; the "
            "Lifecycle Agent rolls back automatically after its init monitor's time, "
            "usually 30 minutes"
        ),
    },
    aborted=Meaning(
        "the cluster is back to Idle, not upgraded",
        do="`ibgu stragglers NAME` shows the plan to continue with",
    ),
    cancelled=Meaning(
        "its upgrade was cancelled on purpose: the cluster is back to Idle, not upgraded",
        do="nothing; to upgrade it, create a new rollout",
    ),
)
