"""Lists the defects: what a cluster lacks from the beginning, which preflight can find."""

from ibgu.sim.faults.fault import Fault, FaultPoint
from ibgu.sim.spoke import Dpa

UNFINISHED = "upgrade-unfinished"

CHANGES: dict[str, dict[str, object]] = {
    "backup-storage-unavailable": {"backup_storage_available": False},
    "disk-full": {"disk_full": True},
    "dpa-failed": {"dpa": Dpa.FAILED},
    "dpa-missing": {"dpa": Dpa.MISSING},
    "lca-missing": {"lca": ""},
    "lca-old": {"lca": "4.15.0", "lca_serves_v1": False},
    "lca-stopped": {"lca_running": False},
    "lso-and-lvms": {"lso": "4.17.0", "lvms": "4.17.3"},
    "lvms-old": {"lvms": "4.14.1"},
    "oadp-missing": {"oadp": ""},
    "oadp-old": {"oadp": "1.3.4"},
    "partition-missing": {"partition": False},
    "topology-wrong": {"topology": "HighlyAvailable"},
    UNFINISHED: {},
}
"""The fields of the cluster's equipment that each defect changes."""

DEFECTS: dict[str, Fault] = {name: Fault(name, FaultPoint.EQUIPMENT) for name in CHANGES}
