"""Names and request bodies of the works that carry an image-based upgrade."""

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
from ibgu.core.model.names import carried, payload_name, stage_name

__all__ = [
    "PULL_SECRETS",
    "Payload",
    "PayloadError",
    "build",
    "by_generation",
    "carried",
    "disarming",
    "no_pull_secret",
    "payload_body",
    "payload_name",
    "refresh_patch",
    "stage_body",
    "stage_name",
    "stage_patch",
]
