"""The commands on a rollout of a FleetUpdate, one cluster of which has failed."""

import asyncio
import csv
import json
import tarfile
from datetime import UTC, datetime
from pathlib import Path

import pytest

from ibgu.core.model import names
from ibgu.hub import paths
from ibgu.hub.client import HubClient
from ibgu.hub.writing.changes import Changes
from tests.api.test_changes import admin, manifest
from tests.api.test_fleet_updates import NAME, failed, uid
from tests.cli.conftest import Ibgu

__all__ = ["admin", "failed", "uid"]
pytestmark = pytest.mark.usefixtures("failed")


async def test_the_wide_list_shows_kind_and_release(ibgu: Ibgu) -> None:
    [heading, row] = (await ibgu("get", "-o", "wide")).stdout.splitlines()
    assert row[heading.index("KIND") :].split()[:2] == ["FleetUpdate", "4.16.12"]


async def test_the_name_can_be_given_to_kubectl(ibgu: Ibgu) -> None:
    assert (await ibgu("get", "-o", "name")).stdout == f"fleetupdate.ibgu.dev/{NAME}\n"


async def test_a_report_has_the_kind_and_its_actions(ibgu: Ibgu) -> None:
    page = await ibgu("report", NAME)
    assert page.exit_code == 0, page.output
    assert "FleetUpdate in namespace default" in page.stdout
    assert "Update: ReleaseUnsigned" in page.stdout
    [row] = csv.DictReader((await ibgu("report", NAME, "-o", "csv")).stdout.splitlines())
    assert (row["kind"], row["action"], row["outcome"]) == ("FleetUpdate", "Update", "failed")
    assert (row["release"], row["failure"]) == ("4.16.12", "ReleaseUnsigned")


async def test_stragglers_say_how_a_person_continues(ibgu: Ibgu) -> None:
    found = await ibgu("stragglers", NAME)
    assert found.exit_code == 0, found.output
    words = " ".join(found.stdout.split())
    assert "Update: ReleaseUnsigned (step 1)" in words
    assert "no commands are proposed, because ibgu makes no second FleetUpdate: create" in words
    assert "kubectl" not in words
    as_json = json.loads((await ibgu("stragglers", NAME, "-o", "json")).stdout)
    assert (as_json["checked"], as_json["manifests"], as_json["patch"]) == (False, [], [])
    refused = await ibgu("stragglers", NAME, "-o", "yaml")
    assert (refused.exit_code, refused.stdout) == (1, "")
    assert refused.stderr.startswith("ibgu: no manifests, because ibgu makes no second FleetUpdate")


async def test_a_change_without_rest_goes_to_the_older_object_of_a_name(admin: HubClient) -> None:
    await asyncio.sleep(1.1)  # creation timestamps are whole seconds
    younger = {**manifest("Prep"), "metadata": {"name": NAME, "namespace": "default"}}
    await admin.request("POST", paths.ibgus("default"), body=younger)
    changes = Changes(admin, "test")
    try:
        found = await changes.read_any("default", NAME, "olga", datetime.now(UTC))
        assert found.kind == names.FLEET_UPDATE
    finally:
        await admin.request("DELETE", paths.ibgu("default", NAME))


async def test_a_bundle_has_the_object(ibgu: Ibgu, tmp_path: Path) -> None:
    found = await ibgu("collect", NAME, "-o", str(tmp_path / "x.tgz"))
    assert found.exit_code == 0, found.output
    with tarfile.open(tmp_path / "x.tgz") as bundle:
        (member,) = [each for each in bundle if each.name.endswith("hub/fleetupdate.json")]
        content = bundle.extractfile(member)
        assert content is not None
        assert json.load(content)["spec"]["update"]["release"]["version"] == "4.16.12"
