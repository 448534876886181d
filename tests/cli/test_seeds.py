"""`ibgu seed`."""

import json
from collections.abc import Iterator

import pytest

from ibgu.cli.show.output_style import PLAIN
from ibgu.cli.show.seeds import notes, seed_lines
from ibgu.client.responses import (
    SeedImageResponse,
    SeedImagesResponse,
    SeedOriginResponse,
    SeedResultsResponse,
)
from ibgu.db import Journal
from ibgu.sandbox.kubectl import Kubectl
from tests.api.test_seeds import IMAGE, SHA, of_image, upgraded
from tests.cli.conftest import Ibgu

pytestmark = pytest.mark.hub

NAME = "cli-du"
OTHER = "quay.example/other:4.17.2"


@pytest.fixture
async def catalogue(journal: Journal) -> None:
    await upgraded(journal, of_image("r1", f"mirror.example/du@{SHA}"), "a", "b")


@pytest.fixture(autouse=True)
def entry(kubectl: Kubectl) -> Iterator[None]:
    kubectl.apply(
        {
            "apiVersion": "ibgu.dev/v1alpha1",
            "kind": "SeedImage",
            "metadata": {"name": NAME},
            "spec": {
                "image": IMAGE,
                "release": "4.17.3",
                "profile": {"hardware": "r750", "fips": "true"},
                "clusterLabels": {"hardware": "example.com/server"},
                "generatedFrom": {"cluster": "seed-1", "oadp": "1.4.1"},
            },
        }
    )
    yield
    kubectl("delete", "seedimage", NAME)


@pytest.mark.usefixtures("catalogue")
async def test_the_list_has_results_and_images_without_an_entry(
    ibgu: Ibgu, journal: Journal
) -> None:
    await upgraded(journal, of_image("r2", OTHER, age=1), "c")
    found = await ibgu("seed", "list")
    assert found.exit_code == 0, found.output
    heading, own, other = (line.split() for line in found.stdout.splitlines())
    assert heading[:4] == ["NAME", "RELEASE", "UPGRADED", "FAILED"]
    assert own == [NAME, "4.17.3", "2", "3", "0", "1", "fips=true,hardware=r750"]
    assert other == ["-", "4.17.3", "1", "3", "0", "1", "-"]
    assert f"Not in the catalogue, but used by 1 rollout: {OTHER}" in found.stderr
    wide = await ibgu("seed", "list", "-o", "wide")
    assert [line.split()[-1] for line in wide.stdout.splitlines()] == ["IMAGE", IMAGE, OTHER]
    body = json.loads((await ibgu("seed", "list", "-o", "json")).stdout)
    assert [each["name"] for each in body["items"]] == [NAME, None]
    assert (await ibgu("seed", "list", "-o", "name")).stdout == f"seedimage/{NAME}\n"


@pytest.mark.usefixtures("catalogue")
async def test_an_entry_is_shown_with_its_failures(ibgu: Ibgu) -> None:
    found = await ibgu("seed", "show", NAME)
    assert found.exit_code == 0, found.output
    assert found.stdout.splitlines() == [
        f"SeedImage {NAME}",
        f"  image       {IMAGE}",
        "  release     4.17.3",
        "  profile     fips=true (label profile.ibgu.dev/fips)",
        "  profile     hardware=r750 (label example.com/server)",
        "  made from   cluster seed-1, OADP 1.4.1",
        f"  also as     mirror.example/du@{SHA}",
        "  results     2 upgraded, 3 failed, 0 rolled back, in 1 rollout",
        "    2 Prep PrecacheFailed: precache job failed: failed to pull images from "
        "registry.site:5000",
        "    1 Prep PrepFailed: no such thing was ever heard of",
    ]
    body = json.loads((await ibgu("seed", "show", NAME, "-o", "json")).stdout)
    assert body["results"]["upgraded"] == 2
    elsewhere = await ibgu("seed", "show", NAME, "-n", "nowhere", "-o", "json")
    assert json.loads(elsewhere.stdout)["results"]["rollouts"] == 0


async def test_a_caller_without_the_right_sees_which_one_is_missing(ibgu: Ibgu) -> None:
    found = await ibgu("seed", "list", user="bob")
    assert found.exit_code == 1
    assert "bob may not list seedimages.ibgu.dev" in found.stderr
    none = await ibgu("seed", "show", "none")
    assert (none.exit_code, "there is no SeedImage none" in none.stderr) == (1, True)


def seed_image(name: str | None) -> SeedImageResponse:
    return SeedImageResponse(
        name=name,
        image=OTHER,
        generated_from=SeedOriginResponse(cluster=""),
        results=SeedResultsResponse(rollouts=2),
    )


def test_notes_say_what_the_table_lacks() -> None:
    assert list(notes(SeedImagesResponse(installed=True))) == ["No seed images found."]
    (absent,) = notes(SeedImagesResponse(installed=False))
    assert absent.startswith("The hub has no catalogue of seed images: apply charts/ibgu/crds/")
    whole = SeedImagesResponse(installed=True, items=(seed_image("du"),))
    assert list(notes(whole)) == []
    more = SeedImagesResponse(installed=True, truncated=True, items=(seed_image(None),))
    assert list(notes(more)) == [
        "The catalogue has more entries; kubectl get seedimages lists all of them.",
        f"Not in the catalogue, but used by 2 rollouts: {OTHER}",
        "To describe an image, apply a SeedImage for it.",
    ]


def test_an_entry_of_unknown_origin_has_a_dash() -> None:
    assert "  made from   -" in seed_lines(seed_image("du"), PLAIN)
