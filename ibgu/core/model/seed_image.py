"""SeedImage (ibgu.dev/v1alpha1): an entry of the catalogue of seed images."""

import re
from datetime import timedelta
from functools import lru_cache

from msgspec import Struct

from ibgu.core.model.kinds import ObjectMeta

SEED_IMAGE = "ibgu.dev/seed-image"
"""The annotation of an IBGU with the name of the SeedImage that its seed is."""
PROFILE = "profile.ibgu.dev/"
"""The prefix of the labels of ManagedClusters that a profile is compared with."""

_DIGEST = re.compile(r"@(sha256:[0-9a-f]{64})")


class SeedOrigin(Struct, frozen=True, gc=False, rename="camel"):
    """SeedOrigin is what the seed was made from. Empty texts: unknown."""

    cluster: str = ""
    lifecycle_agent: str = ""
    oadp: str = ""
    time: str = ""


class SeedCircuitBreaker(Struct, frozen=True, gc=False, rename="camel"):
    """SeedCircuitBreaker says when Upgrades to the image stop, in all rollouts of the hub that use
    it. A limit of 0 is none."""

    same_cause: int = 0
    """Upgrades that may not fail with one cause within the window."""
    percent: int = 0
    """The share of the Upgrades that ended within the window which may not fail."""
    minimum_upgrades: int = 10
    """How many have to end within the window before the share counts."""
    window_minutes: int = 1440

    @property
    def window(self) -> timedelta:
        return timedelta(minutes=self.window_minutes)


class SeedImageSpec(Struct, frozen=True, gc=False, rename="camel"):
    image: str = ""
    release: str = ""
    profile: dict[str, str] = {}
    cluster_labels: dict[str, str] = {}
    generated_from: SeedOrigin = SeedOrigin()
    circuit_breaker: SeedCircuitBreaker | None = None
    """None: only the circuit breaker of each step stops Upgrades to the image."""

    def label(self, key: str) -> str:
        """Returns the label of ManagedClusters that has the value of a key of the profile."""
        return self.cluster_labels.get(key) or f"{PROFILE}{key}"


class SeedImage(Struct, frozen=True, gc=False, rename="camel"):
    metadata: ObjectMeta
    spec: SeedImageSpec = SeedImageSpec()


def identity(image: str) -> str:
    """Returns what tells images apart: the digest, which every mirror keeps, or the name of one
    that has none."""
    return digest(image) or image


@lru_cache(maxsize=4096)
def digest(image: str) -> str:
    """Returns the digest in an image's name; empty: it is named by a tag."""
    found = _DIGEST.search(image)
    return found[1] if found and image.endswith(found[1]) else ""
