"""Backups and Restores that the pages tell a person to apply have no finding."""

from collections.abc import Callable
from inspect import signature

import yaml

from ibgu.cli.content import manifests, oadp
from ibgu.core.drivers.ibu.preflight import OadpContent, lint_oadp
from ibgu.core.drivers.ibu.preflight.oadp import NAMESPACE
from ibgu.core.model.document import Document
from ibgu.documents import config_maps, read, read_config_map
from tests.docs.site import DOCS, fences


def packed() -> list[tuple[str, Document]]:
    """Returns the ConfigMaps of OADP content, each with its page."""
    found = [
        (page.name, each)
        for page in sorted(DOCS.rglob("*.md"))
        for fence in fences(page)
        if fence.language == "yaml"
        for document in read(fence.text, page.name)
        for each in config_maps(document)
    ]
    return [(page, each) for page, each in found if each.namespace == NAMESPACE]


def test_backups_and_restores_of_the_guides_have_no_finding() -> None:
    found = packed()
    assert "first-rollout.md" in dict(found)
    for page, config_map in found:
        findings = lint_oadp(OadpContent(tuple(read_config_map(config_map)), pull_secret=True))
        assert [(page, each.at.line, each.message) for each in findings] == []


def default(command: Callable[..., None]) -> tuple[str, str]:
    taken = signature(command).parameters
    return taken["name"].default, taken["namespace"].default


def test_the_guide_refers_to_what_the_commands_write_by_default() -> None:
    page = DOCS / "guides" / "oadp-content.md"
    named = {
        kind: (each["name"], each["namespace"])
        for fence in fences(page)
        if fence.text.lstrip().startswith("ibuSpec:")
        for kind, refs in yaml.safe_load(fence.text)["ibuSpec"].items()
        for each in refs
    }
    assert named == {"oadpContent": default(oadp.pack), "extraManifests": default(manifests.pack)}
