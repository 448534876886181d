"""A preview warns of a backup before Upgrade that can't be taken."""

from ibgu.core.model import names
from tests.core.drivers.cluster_version.version_samples import NEW
from tests.core.views.preview.test_preview import sites, spec, told

ASKED = {names.BACKUP: "Etcd", names.BACKUP_IMAGE: NEW}


def warned(annotations: dict[str, str], *, allowed: bool = True) -> list[str]:
    found = told(
        spec("Prep", "Upgrade"), sites(2), annotations=annotations, upgrade_backups=allowed
    )
    return [words for words in found.warnings if "backup" in words]


def test_a_hub_that_does_not_allow_it_is_named_with_the_step() -> None:
    (words,) = warned(ASKED, allowed=False)
    assert words.startswith("step 2: the annotation ibgu.dev/backup asks for a backup before")
    assert "IBGU_UPGRADE_BACKUPS" in words
    assert warned(ASKED) == []


def test_a_typing_error_is_said_once() -> None:
    (words,) = warned(ASKED | {names.BACKUP: "etcd"})
    assert words.startswith("step 2: the annotation ibgu.dev/backup: etcd is not Etcd or Full")
    (unused,) = told(spec("Prep"), sites(1), annotations=ASKED | {names.BACKUP: "x"}).warnings
    assert "ibgu.dev/backup: x is not" in unused
