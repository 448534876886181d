"""Content of the manual's shape, and what the rules find in a variant of it."""

from collections.abc import Iterable
from pathlib import Path

from ibgu.core.drivers.ibu.preflight import (
    ManifestContent,
    OadpContent,
    PreflightFinding,
    Storage,
    lint_manifests,
    lint_oadp,
)
from ibgu.core.model.document import Document
from ibgu.documents import read_content

SAMPLES = Path(__file__).parent / "samples"
LVMS = ("1-agent.yaml", "2-lvms.yaml", "3-app-cluster-scoped.yaml", "4-app-on-lvms.yaml")
LSO = ("1-agent.yaml", "3-app-cluster-scoped.yaml", "4-app-on-lso.yaml")
EXTRA = "extra-manifests.yaml"


def documents(names: Iterable[str], *changes: tuple[str, str]) -> tuple[Document, ...]:
    """Returns the samples' documents after each change, which must apply."""
    texts = {name: (SAMPLES / name).read_text() for name in names}
    for old, new in changes:
        assert any(old in text for text in texts.values()), old
        texts = {name: text.replace(old, new) for name, text in texts.items()}
    return tuple(each for name, text in texts.items() for each in read_content(text, name))


def oadp(
    *changes: tuple[str, str],
    names: Iterable[str] = LVMS,
    storage: Storage | None = None,
    pull_secret: bool | None = None,
) -> list[PreflightFinding]:
    return lint_oadp(OadpContent(documents(names, *changes), storage, pull_secret))


def manifests(*changes: tuple[str, str], target: str = "") -> list[PreflightFinding]:
    return lint_manifests(ManifestContent(documents([EXTRA], *changes), target))


def told(findings: Iterable[PreflightFinding]) -> list[str]:
    return [
        f"{f.at.file}:{f.at.line} {f.severity} {f.rule.id} {f.at.object} {f.at.field}: {f.message}"
        for f in findings
    ]


def only(findings: Iterable[PreflightFinding]) -> str:
    (found,) = told(findings)
    return found
