"""Names and request bodies of what ibgu writes to the hub about clusters."""

from ibgu.core.works.cluster_patch import cluster_patch
from ibgu.core.works.names import carried, payload_name, stage_name
from ibgu.core.works.payload import (
    PULL_SECRETS,
    Payload,
    PayloadError,
    build,
    no_pull_secret,
    payload_body,
)
from ibgu.core.works.stage import by_generation, disarming, refresh_patch, stage_body, stage_patch
from ibgu.core.works.wanted import Wanted, disarmed_stage, wanted_stage

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
