"""The preparation of clusters for an image-based upgrade: operators, backup storage, annotations.

`Preparation` says what to read and what to write; `work.py` makes the ManifestWork of it.
"""

from ibgu.core.drivers.ibu.preparation.annotations import (
    AnnotationsPreparation,
    RollbackTrigger,
    auto_rollback,
    cleanup,
)
from ibgu.core.drivers.ibu.preparation.backup import (
    KEY,
    BackupPreparation,
    BackupStorage,
    credentials_fault,
)
from ibgu.core.drivers.ibu.preparation.model import MANAGER, Preparation, PreparationKind
from ibgu.core.drivers.ibu.preparation.operators import (
    LIFECYCLE_AGENT,
    OADP,
    Catalog,
    Operator,
    OperatorsPreparation,
)
from ibgu.core.drivers.ibu.preparation.partition import Partition

__all__ = [
    "KEY",
    "LIFECYCLE_AGENT",
    "MANAGER",
    "OADP",
    "AnnotationsPreparation",
    "BackupPreparation",
    "BackupStorage",
    "Catalog",
    "Operator",
    "OperatorsPreparation",
    "Partition",
    "Preparation",
    "PreparationKind",
    "RollbackTrigger",
    "auto_rollback",
    "cleanup",
    "credentials_fault",
]
