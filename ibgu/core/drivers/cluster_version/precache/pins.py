"""The PinnedImageSets of a pre-cache: the machine-config operator pulls their images onto all nodes
of a pool, and keeps kubelet from removing them.

They go with their work at the end of the action. The images then stay until kubelet needs the
space.
"""

from ibgu.core.drivers.cluster_version.names import POOL_GROUP
from ibgu.core.drivers.cluster_version.pools import POOLS
from ibgu.core.model.kinds import JsonObject, PreCache

SINCE = (4, 19, 0)
"""The first release that has the kind without a preview's feature set."""
MAX_IMAGES = 500
"""The images of one set, as its kind allows."""
MAX_BYTES = 300_000
"""The images of all pools together: they go in one ManifestWork."""
_AROUND = 16
"""The characters around an image in a manifest."""
_ROLE = f"{POOL_GROUP}/role"
"""The label by which a pool selects its sets, as it does its MachineConfigs."""


def pools_to_pin(precache: PreCache) -> tuple[str, ...]:
    return tuple(precache.pools) or POOLS


def pins_of(precache: PreCache | None, rollout: str) -> dict[str, str]:
    """Returns the name of each pool's set, by the pool. It has the rollout's uid and not the run's
    id: pools are asked for it in works without a run, and each run of a rollout pins the same. A
    pool can't list a set of which a part between dots has more than 63 characters."""
    if precache is None or not precache.images:
        return {}
    return {pool: f"ibgu-pre-cache-{rollout}.{pool}" for pool in pools_to_pin(precache)}


def pins(precache: PreCache, rollout: str) -> list[JsonObject]:
    """Returns the set of each pool."""
    images = [{"name": image} for image in precache.images]
    return [
        {
            "apiVersion": f"{POOL_GROUP}/v1",
            "kind": "PinnedImageSet",
            "metadata": {"name": name, "labels": {_ROLE: pool}},
            "spec": {"pinnedImages": images},
        }
        for pool, name in pins_of(precache, rollout).items()
    ]


def size_of(precache: PreCache) -> int:
    """Returns how many bytes the images of all pools take."""
    return sum(len(image) + _AROUND for image in precache.images) * len(pools_to_pin(precache))
