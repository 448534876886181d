"""Licences of packages, as SPDX names them, and whether anybody may ship them."""

import re
from importlib.metadata import Distribution

from packaging.licenses import InvalidLicenseExpression, canonicalize_license_expression
from packaging.utils import canonicalize_name

PERMISSIVE = frozenset(
    {"Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "ISC", "MIT", "PSF-2.0", "Unlicense"}
)
APART = {"certifi": "MPL-2.0"}
"""The CA certificates of Mozilla, taken unchanged: the MPL asks nothing of what stands beside."""

_READ = {"cronsim": "BSD-3-Clause", "jinja2": "BSD-3-Clause"}
"""Packages whose metadata say "BSD License", by the text of the licence that they carry."""
_SPDX = {
    "3-Clause BSD License": "BSD-3-Clause",
    "Apache 2.0": "Apache-2.0",
    "Apache Software License": "Apache-2.0",
    "ISC License": "ISC",
    "ISC License (ISCL)": "ISC",
    "MIT License": "MIT",
    "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
    "Python Software Foundation License": "PSF-2.0",
    "The Unlicense (Unlicense)": "Unlicense",
}


def expression(found: Distribution) -> str:
    """Returns the licence from the first of the three places that says something; as it stands if
    SPDX knows it not.

    Classifiers don't tell whether one may choose among several: all of them are taken to hold.
    """
    told = _field(found, "license_expression") or _READ.get(
        canonicalize_name(found.metadata["Name"]), ""
    )
    if not told:
        listed = [c for c in found.metadata.get_all("Classifier") or () if c.startswith("License")]
        names = [each.rpartition(" :: ")[2] for each in listed]
        told = " AND ".join(sorted(_SPDX.get(name, name) for name in names))
    told = told or _field(found, "license")
    return _SPDX.get(told, told)


def is_spdx(licence: str) -> bool:
    try:
        canonicalize_license_expression(licence)
    except InvalidLicenseExpression:
        return False
    return True


def allowed(package: str, licence: str) -> bool:
    """Every licence that is named has to be permissive, also those one need not choose."""
    if package in APART:
        return licence == APART[package]
    return bool(_named(licence)) and _named(licence) <= PERMISSIVE


def _named(licence: str) -> set[str]:
    return {each for each in re.split(r"\s+(?:AND|OR)\s+|[()]", licence) if each.strip()}


def _field(found: Distribution, name: str) -> str:
    return str(found.metadata.json.get(name, ""))
