"""Places of the files that ship beside the code: the chart (CRD, RBAC) and the migrations."""

from pathlib import Path

_PACKAGE = Path(__file__).parent


def shipped(name: str) -> Path:
    """The folder `name` ("charts/ibgu", "migrations"), from the wheel or from a checkout."""
    packaged = _PACKAGE / name
    return packaged if packaged.exists() else _PACKAGE.parent / name
