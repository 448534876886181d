"""`ibgu collect --gathered` packs the logs of a site without what must stay secret."""

from pathlib import Path

import pytest

from ibgu.cli.collect import from_gather as module
from ibgu.cli.collect.bundle import Bundle
from ibgu.cli.collect.from_gather import from_gather

PASSWORD = "s3-very-secret"
LOG = "site-1/openshift-adp/velero-1.velero.log"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    log = tmp_path / "logs" / LOG
    log.parent.mkdir(parents=True)
    log.write_text(f'starting\n{{"msg": "x", "password": "{PASSWORD}"}}\npassword={PASSWORD}\n')
    return tmp_path / "logs"


def collected(tmp_path: Path, folder: Path) -> tuple[Bundle, Path]:
    target = tmp_path / "bundle"
    target.mkdir()
    bundle = Bundle(target, [])
    from_gather(bundle, folder)
    return bundle, target / "gathered"


def test_logs_are_packed_by_cluster_and_redacted(tmp_path: Path, folder: Path) -> None:
    bundle, found = collected(tmp_path, folder)
    text = (found / LOG).read_text()
    assert text.startswith("starting\n")
    assert PASSWORD not in text
    assert bundle.missing == []


def test_archives_and_links_are_left_out_and_named(tmp_path: Path, folder: Path) -> None:
    (folder / "site-1" / "must-gather.tar.gz").write_bytes(b"\x1f\x8b")
    (tmp_path / "elsewhere.log").write_text(PASSWORD)
    (folder / "site-1" / "link.log").symlink_to(tmp_path / "elsewhere.log")
    bundle, found = collected(tmp_path, folder)
    assert [path.name for path in found.rglob("*.*")] == ["velero-1.velero.log"]
    assert bundle.missing == [
        "gathered/site-1/link.log: is a link",
        "gathered/site-1/must-gather.tar.gz: isn't a log, and can't be redacted",
    ]


def test_large_files_and_too_many_of_them_are_left_out(
    tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MAX_FILES", 1)
    monkeypatch.setattr(module, "MAX_BYTES", 10)
    (folder / "site-2.log").write_text("x")
    bundle, _ = collected(tmp_path, folder)
    first, second = bundle.missing
    assert first.startswith(f"gathered/{LOG}: has ")
    assert second == "gathered: only the first 1 files are packed"
