"""`ibgu notify test` against receivers that are really there."""

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner, Result

from ibgu.cli.app import app
from tests.controller.notify.receiving import site


async def tried(path: Path, *args: str) -> Result:
    return await asyncio.to_thread(
        CliRunner().invoke, app, ["notify", "test", *args], env={"IBGU_NOTIFY_FILE": str(path)}
    )


def written(folder: Path, *receivers: dict[str, Any]) -> Path:
    path = folder / "notify.yaml"
    path.write_text(yaml.safe_dump({"receivers": list(receivers)}))
    return path


async def test_each_receiver_reports_success_or_its_error(tmp_path: Path) -> None:
    async with site() as noc:
        noc.answers = [200, 200, 403]
        good = {"name": "good", "format": "cloudevents", "url": noc.url}
        bad = {"name": "bad", "format": "cloudevents", "urlFile": str(tmp_path / "nowhere")}
        lost = {"name": "lost", "format": "alertmanager", "url": noc.url, "caFile": "/nowhere"}
        path = written(tmp_path, good, bad, lost)
        one = await tried(path, "--receiver", "good")
        every = await tried(path)
        refused = await tried(Path("/nowhere"), "--file", str(path), "--receiver", "good")
    assert one.exit_code == 0
    assert one.output.startswith("✔ good  200 in ")
    assert noc.taken[0].json["data"]["text"].endswith("this is a test of ibgu's notifications")
    assert every.exit_code == 1
    assert f"✗ bad  urlFile: {tmp_path}/nowhere can't be read" in every.output
    assert "✗ lost  caFile: /nowhere: No such file" in every.output
    assert (refused.exit_code, refused.output) == (1, "✗ good  403 Forbidden\n")


async def test_a_sample_alert_fires_and_the_output_says_for_how_long(tmp_path: Path) -> None:
    async with site() as alertmanager:
        alerts = {"name": "alerts", "format": "alertmanager", "url": alertmanager.url}
        result = await tried(written(tmp_path, alerts))
    assert result.exit_code == 0, result.output
    fires = "the alert IbguClustersFailed of ibgu-test/test fires, and resolves after 5 min\n"
    assert result.output.endswith(fires)
    [alert] = alertmanager.taken[0].json
    assert datetime.fromisoformat(alert["endsAt"]) > datetime.now(UTC) + timedelta(minutes=3)


@pytest.mark.parametrize("words", [["--help"], []])
def test_the_help_says_what_there_is(words: list[str]) -> None:
    output = CliRunner().invoke(app, ["notify", *words]).output
    assert "Test the receivers of notifications." in output
    assert "Shows the receivers" not in output


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["--receiver", "x"], "ibgu: --receiver: there is no 'x', but noc\n"),
        (["--file", "/nowhere"], "ibgu: --file: /nowhere can't be read: No such file"),
    ],
)
async def test_invalid_options_are_reported_in_one_line(
    tmp_path: Path, args: list[str], said: str
) -> None:
    path = written(tmp_path, {"name": "noc", "format": "cloudevents", "url": "https://noc.example"})
    result = await tried(path, *args)
    assert result.exit_code == 2
    assert result.output.startswith(said)


async def test_without_a_file_or_receivers(tmp_path: Path) -> None:
    assert (await tried(Path(""))).exit_code == 2
    empty = await tried(written(tmp_path))
    assert empty.output == "ibgu: no receivers: set their file with --file or IBGU_NOTIFY_FILE\n"
