"""The inspection of a cluster: what preflight reads of objects that the hub does not have.

A ManifestWork that only reads (OCM's update strategy ReadOnly) names the objects and the fields.
`work.py` makes it, `facts.py` reads its answer; the rules judge `ClusterFacts.inspected`.
"""

from ibgu.core.drivers.ibu.preflight.inspection.facts import (
    InspectedFacts,
    Reading,
    ReadResult,
    inspected,
    node_named,
    read_entry,
)
from ibgu.core.drivers.ibu.preflight.inspection.velero import velero_objects
from ibgu.core.drivers.ibu.preflight.inspection.work import (
    INSPECTION,
    SELECTOR,
    WORK,
    inspection_body,
    inspection_patch,
)

__all__ = [
    "INSPECTION",
    "SELECTOR",
    "WORK",
    "InspectedFacts",
    "ReadResult",
    "Reading",
    "inspected",
    "inspection_body",
    "inspection_patch",
    "node_named",
    "read_entry",
    "velero_objects",
]
