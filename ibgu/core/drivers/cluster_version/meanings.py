"""The meanings of reasons and causes for an update to another release, and what to do."""

from ibgu.core.engine.driver import KindMeanings
from ibgu.core.model import Cause, ReasonKind
from ibgu.core.model.meaning import Meaning

_AGAIN = "create a FleetUpdate for the clusters that failed"
_WITHDRAWN = Meaning("the request was withdrawn before the update began", do="")

UPDATE_MEANINGS = KindMeanings(
    reasons={
        ReasonKind.BUSY: Meaning(
            "the cluster is at work: it takes another release, or its nodes take a configuration; "
            "or it runs the intermediate release, and is not ready for the next one",
            "that work is over, or what its message names is repaired; ibgu checks again "
            "automatically",
            "wait for it, or repair what its message names; a cluster that has not begun can be "
            "taken out with ibgu.dev/skip",
        ),
        ReasonKind.ABSENT: Meaning(
            "the cluster has no ClusterVersion: it is not an OpenShift cluster",
            "the object is there; ibgu checks again automatically",
            "take the cluster out with ibgu.dev/skip, and select OpenShift clusters alone",
        ),
        ReasonKind.REFUSED: Meaning(
            "the cluster reports a failure that it may end by itself: its operators try again "
            "every few minutes, without end",
            "the failure is over; the action fails once a release is refused for 10 minutes, or a "
            "MachineConfigPool is degraded for 15",
            "do what the message asks for; once an Update has failed, withdraw the request with "
            "RetractOnFailure, as the cluster would begin the update by itself days later",
        ),
    },
    causes={
        Cause.CHECK_FAILED: Meaning(
            "the cluster is in a state in which an update must not begin; nothing was changed",
            do=f"repair what its message names, then {_AGAIN}",
        ),
        Cause.MIRROR_FAILED: Meaning(
            "a node does not take the configuration with the mirrors",
            do=f"repair the pool that its message names, then {_AGAIN}",
        ),
        Cause.PRECACHE_FAILED: Meaning(
            "the images of the release were not pulled ahead to all nodes; the cluster is not "
            "updated",
            do=f"do what its message asks for, then {_AGAIN}",
        ),
        Cause.BACKUP_FAILED: Meaning(
            "the Job that takes the backup did not succeed; the cluster is not updated",
            do=f"do what its message asks for, then {_AGAIN}",
        ),
        Cause.UPDATE_REFUSED: Meaning(
            "the cluster-version operator refuses the release, and would begin by itself once the "
            "cause is gone: the cluster runs its former release, or the intermediate one",
            do="withdraw the request (append RetractOnFailure), repair what its message names, "
            f"then {_AGAIN}",
        ),
        Cause.POOLS_FAILED: Meaning(
            "a node does not take the release after its pool was resumed; the pools after it stay "
            "paused while the pool is degraded, for a day at most",
            do="repair the pool that its message names: its nodes then continue automatically, and "
            "ibgu resumes the other pools; to resume them at once, delete the FleetUpdate",
        ),
        Cause.RETRACT_FAILED: Meaning(
            "the update began in the moment of its withdrawal, and goes on, though the "
            "ClusterVersion asks for the former release now",
            do="watch the cluster until its new release is complete (`oc get clusterversion`), "
            "then create a FleetUpdate to that release for it, so that it asks for what it runs",
        ),
    },
    checks={
        ReasonKind.REFUSED: "check on {cluster} what the cluster-version operator says: "
        "`oc get clusterversion version -o yaml`",
    },
    commands=(
        "oc get clusterversion version -o yaml",
        "oc get clusteroperators",
        "oc get machineconfigpools",
    ),
    aborted=_WITHDRAWN,
    cancelled=_WITHDRAWN,
)
