"""The release's images on a single node before its update, by a Job.

`manifests.py` makes the Job, `script.py` is what it runs.
"""

from ibgu.core.drivers.cluster_version.precache.manifests import (
    EXITS,
    NAMESPACE,
    job_manifests,
    job_name,
)

__all__ = ["EXITS", "NAMESPACE", "job_manifests", "job_name"]
