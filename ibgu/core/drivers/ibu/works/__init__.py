"""Names and request bodies of what ibgu writes to the hub about clusters."""

from ibgu.core.drivers.ibu.works.cluster_patch import cluster_patch
from ibgu.core.drivers.ibu.works.payload import (
    PULL_SECRETS,
    Payload,
    PayloadError,
    build,
    no_pull_secret,
    payload_body,
)
from ibgu.core.drivers.ibu.works.stage import (
    by_generation,
    disarming,
    refresh_patch,
    stage_body,
    stage_patch,
)
from ibgu.core.drivers.ibu.works.wanted import Wanted, disarmed_stage, wanted_stage
from ibgu.core.model.names import carried, payload_name, stage_name

__all__ = [
    "PULL_SECRETS",
    "Payload",
    "PayloadError",
    "Wanted",
    "build",
    "by_generation",
    "carried",
    "cluster_patch",
    "disarmed_stage",
    "disarming",
    "no_pull_secret",
    "payload_body",
    "payload_name",
    "refresh_patch",
    "stage_body",
    "stage_name",
    "stage_patch",
    "wanted_stage",
]
