"""The reading of pip-audit's report."""

from typing import Any

import pytest

from tests.security.audit import UNREACHABLE, judged

SOUND = {"name": "idna", "version": "3.20", "vulns": []}
SKIPPED = {"name": "h11", "skip_reason": "Dependency not found on PyPI and could not be audited"}
BAD = {
    "name": "old",
    "version": "1.0",
    "vulns": [{"id": "PYSEC-1", "aliases": ["CVE-2026-1"], "fix_versions": ["1.1"]}],
}
HOPELESS = {"name": "older", "version": "0.1", "vulns": [{"id": "PYSEC-2", "fix_versions": []}]}


@pytest.mark.parametrize(
    ("packages", "lines", "code"),
    [
        ([SOUND], ["audit: 1 packages, no known vulnerabilities"], 0),
        (
            [SOUND, BAD, HOPELESS],
            [
                "audit: 3 packages, 2 known vulnerabilities",
                "old 1.0: PYSEC-1, CVE-2026-1; fixed in 1.1",
                "older 0.1: PYSEC-2; no version has a fix yet",
            ],
            1,
        ),
        (
            [SOUND, SKIPPED],
            ["audit: 1 packages, no known vulnerabilities", "not checked: h11"],
            0,
        ),
        ([SKIPPED], [UNREACHABLE], 0),
        ([], [UNREACHABLE], 0),
    ],
)
def test_skipped_packages_are_not_reported_as_sound(
    packages: list[dict[str, Any]], lines: list[str], code: int
) -> None:
    assert judged({"dependencies": packages}) == (lines, code)
