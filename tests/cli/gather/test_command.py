"""`ibgu gather`: options, and the files that it writes; nothing of it needs a hub."""

from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from ibgu.cli.app import app
from ibgu.cli.gather.files import write_logs
from ibgu.core.drivers.ibu.gather import GatheredLog, GatherResult
from tests.core.drivers.ibu.gather.answers import IMAGE


def gather(*args: str) -> Result:
    return CliRunner().invoke(app, ["gather", *args], env={"KUBECONFIG": "/nowhere"})


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (("--image", IMAGE), "name the clusters, or select them with --selector"),
        (("a", "-l", "b=c", "--image", IMAGE), "name the clusters, or select them"),
        (("a",), "--image: name an image with oc, by digest: write REGISTRY/NAME@sha256:DIGEST"),
        (("a", "--image", IMAGE, "--must-gather"), "--must-gather needs --upload"),
        (("a", "--image", IMAGE, "--upload", "https://s3/a"), "--must-gather needs --upload"),
        (("a", "--image", "r/cli:latest"), "--image: 'r/cli:latest' isn't an image by digest"),
    ],
)
def test_options_that_do_not_fit_are_refused(args: tuple[str, ...], words: str) -> None:
    found = gather(*args)
    assert found.exit_code == 2
    assert found.stderr.startswith(f"ibgu: {words}")


def test_a_folder_with_files_is_never_written_to(tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("")
    found = gather("a", "--image", IMAGE, "-o", str(tmp_path))
    assert found.exit_code == 2
    assert "already exists" in found.stderr


def test_a_file_with_a_wrong_address_is_refused_and_not_quoted(tmp_path: Path) -> None:
    file = tmp_path / "urls"
    file.write_text("a http://s3.example.com/a?sig=0123\n")
    found = gather("a", "--image", IMAGE, "--must-gather", "--upload", f"@{file}")
    assert found.exit_code == 2
    assert found.stderr == f"ibgu: {file}: line 1 must begin with https://\n"


def test_an_unreachable_hub_is_reported_in_one_line(tmp_path: Path) -> None:
    found = gather("a", "--image", IMAGE, "--yes", "-o", str(tmp_path / "logs"))
    assert found.exit_code == 1
    assert found.stderr.count("\n") == 1
    assert not (tmp_path / "logs").exists()


def test_files_are_readable_for_their_owner_only_and_say_what_is_left_out(tmp_path: Path) -> None:
    logs = (GatheredLog("ns/a.b.log", "new\n", cut=True), GatheredLog("ns/c.d.log", "x\n", False))
    write_logs(tmp_path / "site-1", GatherResult(logs, more=False))
    first = tmp_path / "site-1" / "ns" / "a.b.log"
    assert first.read_text() == "[ibgu: older lines are left out]\nnew\n"
    assert (tmp_path / "site-1" / "ns" / "c.d.log").read_text() == "x\n"
    assert first.stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "site-1").stat().st_mode & 0o777 == 0o700
