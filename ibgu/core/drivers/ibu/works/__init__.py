"""The manifests that works of an image-based upgrade carry: the object, and the payload before
Prep."""

from ibgu.core.drivers.ibu.works.payload import (
    LIMIT,
    PULL_SECRET_KEYS,
    PULL_SECRETS,
    Payload,
    PayloadError,
    build,
    no_pull_secret,
    payload_body,
)

__all__ = [
    "LIMIT",
    "PULL_SECRETS",
    "PULL_SECRET_KEYS",
    "Payload",
    "PayloadError",
    "build",
    "no_pull_secret",
    "payload_body",
]
