"""The backup of a cluster before its update, by a Job.

`manifests.py` makes the Job, `script.py` is what it runs, `recovery.py` the script that it leaves.
"""

from ibgu.core.drivers.node_jobs.backup.manifests import (
    EXITS,
    NAMESPACE,
    BackupForm,
    folder_of,
    job_manifests,
    job_name,
)

__all__ = ["EXITS", "NAMESPACE", "BackupForm", "folder_of", "job_manifests", "job_name"]
