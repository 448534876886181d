"""The works that ibgu writes to the hub, whatever kind of change they carry, and the patches of
ManagedClusters."""

from ibgu.core.engine.works.cluster_patch import cluster_patch
from ibgu.core.engine.works.job import JOB_PATHS, job_body, read_job
from ibgu.core.engine.works.payload import LIMIT, Payload, pack, payload_body
from ibgu.core.engine.works.stage import (
    by_generation,
    disarming,
    refresh_patch,
    stage_body,
    stage_patch,
)
from ibgu.core.engine.works.view import shown_work, view_work, work_reader
from ibgu.core.engine.works.wanted import (
    DesiredWork,
    desired_work_of,
    disarmed_stage,
    resuming_stage,
)

__all__ = [
    "JOB_PATHS",
    "LIMIT",
    "DesiredWork",
    "Payload",
    "by_generation",
    "cluster_patch",
    "desired_work_of",
    "disarmed_stage",
    "disarming",
    "job_body",
    "pack",
    "payload_body",
    "read_job",
    "refresh_patch",
    "resuming_stage",
    "shown_work",
    "stage_body",
    "stage_patch",
    "view_work",
    "work_reader",
]
