"""The release's images on the nodes before an update: by PinnedImageSets, or by a Job on a single
node.

`pins.py` makes the sets. `manifests.py` makes the Job, `script.py` is what it runs.
"""

from ibgu.core.drivers.cluster_version.precache.manifests import (
    EXITS,
    NAMESPACE,
    job_manifests,
    job_name,
)
from ibgu.core.drivers.cluster_version.precache.pins import (
    MAX_BYTES,
    MAX_IMAGES,
    SINCE,
    pins,
    pins_of,
    pools_to_pin,
    size_of,
)

__all__ = [
    "EXITS",
    "MAX_BYTES",
    "MAX_IMAGES",
    "NAMESPACE",
    "SINCE",
    "job_manifests",
    "job_name",
    "pins",
    "pins_of",
    "pools_to_pin",
    "size_of",
]
