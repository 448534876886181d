"""Logs of a managed cluster, collected by a Job that a ManifestWork brings.

`work.py` makes the ManifestWork, `script.py` is what its Job runs, and `result.py` reads what comes
back by feedback.
"""

from ibgu.core.drivers.ibu.gather.result import (
    GatheredLog,
    GatherResult,
    ResultError,
    failure_of,
    obstacles_of,
    result_of,
)
from ibgu.core.drivers.ibu.gather.work import (
    MANAGER,
    NAME,
    RUN,
    UNTIL,
    GatherRequest,
    gather_body,
    image_fault,
)

__all__ = [
    "MANAGER",
    "NAME",
    "RUN",
    "UNTIL",
    "GatherRequest",
    "GatherResult",
    "GatheredLog",
    "ResultError",
    "failure_of",
    "gather_body",
    "image_fault",
    "obstacles_of",
    "result_of",
]
