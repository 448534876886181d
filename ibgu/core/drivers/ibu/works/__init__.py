"""The manifests that works of an image-based upgrade carry: the object, and the payload before
Prep."""

from ibgu.core.drivers.ibu.works.payload import (
    PULL_SECRET_KEY,
    build,
    no_pull_secret,
    payload_manifests,
)

__all__ = [
    "PULL_SECRET_KEY",
    "build",
    "no_pull_secret",
    "payload_manifests",
]
