"""The objects that a pre-cache brings to a cluster. All of them are new, and go with their work."""

from ibgu.core.drivers.cluster_version.precache.script import PRECACHE_SCRIPT
from ibgu.core.drivers.node_jobs.jobs import JobSpec, manifests_of_job
from ibgu.core.model.kinds import JsonObject, PreCache

NAMESPACE = "openshift-ibgu-pre-cache"
"""OpenShift lets no user request a project `openshift-…`: its owner could use the Job's privileged
account."""
_SECONDS = 4 * 60 * 60
"""Slow links take hours. The step's own limit may end the action before."""


def job_name(run_id: str) -> str:
    return f"pre-cache-{run_id}"


def job_manifests(precache: PreCache, release: str, run_id: str) -> list[JsonObject]:
    """Returns the Job of one run that pulls the images of the release image, in namespace
    `NAMESPACE`, with what it needs; it comes last."""
    return manifests_of_job(precache_job(precache, release, run_id))


def precache_job(precache: PreCache, release: str, run_id: str) -> JobSpec:
    return JobSpec(
        namespace=NAMESPACE,
        name=job_name(run_id),
        image=precache.image,
        script=PRECACHE_SCRIPT,
        arguments=(release, str(precache.space_required_gib), *precache.exclude_patterns),
        seconds=_SECONDS,
    )


EXITS = {
    "2": "/var/tmp on the node can't be written",
    "3": "the disk of images has too little space below the threshold at which kubelet removes "
    "images",
    "5": "the release image can't be pulled or read",
    "7": "images of the release can't be pulled",
    "8": "images are pulled ahead on clusters of one node alone",
    "9": "one of excludePatterns is not a basic regular expression",
}
"""What the exit codes of the Job's script say."""
