"""The meanings of reasons and causes for an image-based upgrade (R10.7, R17.1), and what to do."""

from ibgu.core.engine.driver import KindMeanings
from ibgu.core.model import Cause, ReasonKind
from ibgu.core.model.meaning import CHECK_WORK_AGENT, Meaning

_AGAIN = "append AbortOnFailure, and Prep again"
_AGENT = (
    "check on the cluster what the Lifecycle Agent is at: `oc get ibu upgrade -o yaml`, and the "
    "log of its pod in openshift-lifecycle-agent"
)

_REASONS = {
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
    Cause.PAYLOAD_REFUSED: Meaning(
        "the cluster refuses what the rollout carries to it",
        do=f"correct the ConfigMap or Secret on the hub, {_AGAIN}",
    ),
    Cause.AGENT_ABSENT: Meaning(
        "the Lifecycle Agent was not on the cluster all the time",
        do="install the Lifecycle Agent there, then append the step again",
    ),
}

IBU_MEANINGS = KindMeanings(
    reasons=_REASONS,
    causes=_CAUSES,
    checks={
        ReasonKind.BUSY: _AGENT,
        ReasonKind.RUNNING: f"{_AGENT}. If its state has not changed, {CHECK_WORK_AGENT}",
        ReasonKind.REBOOTING: "check the site's console (BMC): whether it boots, and which "
        "release; the Lifecycle Agent goes back by itself after its init monitor's time, usually "
        "30 minutes",
    },
    aborted=Meaning(
        "the cluster is back to Idle, not upgraded",
        do="`ibgu stragglers` shows the plan that takes it on from there",
    ),
)
