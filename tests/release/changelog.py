"""The changelog's sections, and the release notes that are cut from it."""

import re

from tests.release.errors import ReleaseError

UNRELEASED = "Unreleased"


def sections(changelog: str) -> dict[str, str]:
    """Text by version, newest first; a heading may tell the day after the version."""
    parts = re.split(r"^## (\S+).*$", changelog, flags=re.MULTILINE)
    return {name: text.strip() for name, text in zip(parts[1::2], parts[2::2], strict=True)}


def newest(changelog: str) -> str | None:
    """The version that was written down last."""
    return next((name for name in sections(changelog) if name != UNRELEASED), None)


def notes(changelog: str, version: str, *, section: str) -> str:
    text = sections(changelog).get(section)
    if not text:
        raise ReleaseError(f"CHANGELOG.md tells nothing under '## {section}'")
    return f"# ibgu {version}\n\n{text}\n"
