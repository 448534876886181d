"""TALM's objects for an IBGU on the hub: read, and never written in TALM's format."""

from ibgu.core.talm import names
from ibgu.core.talm.group import TalmGroup, group_of, groups_of
from ibgu.core.talm.status import TalmStatus, status_of
from ibgu.core.talm.work import TalmManifestWork, TalmWork, shown_talm_work, view_talm_work

__all__ = [
    "TalmGroup",
    "TalmManifestWork",
    "TalmStatus",
    "TalmWork",
    "group_of",
    "groups_of",
    "names",
    "shown_talm_work",
    "status_of",
    "view_talm_work",
]
