"""`ibgu seed`."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

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
from tests.api.fleet import open_step, put, seen
from tests.api.test_seeds import IMAGE, SHA, of_image, upgraded
from tests.cli.conftest import Ibgu
from tests.db.records import member, step

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
                "circuitBreaker": {"sameCause": 10, "percent": 20},
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
        "  stops at    10 failed upgrades with one cause or 20% of at least 10 upgrades failed, "
        "within 1 d",
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


GENERATE = ("seed", "generate", "--cluster", "seed-1", "--image", "quay.example/seeds/du:4.17.3")


@pytest.fixture
def cluster(kubectl: Kubectl) -> Iterator[None]:
    """The cluster seed-1, which has not reported yet."""
    kubectl.apply(
        {
            "apiVersion": "cluster.open-cluster-management.io/v1",
            "kind": "ManagedCluster",
            "metadata": {"name": "seed-1", "labels": {"openshiftVersion": "4.17.3"}},
            "spec": {"hubAcceptsClient": True},
        }
    )
    yield
    kubectl("delete", "managedcluster", "seed-1")


@pytest.mark.usefixtures("cluster")
async def test_the_files_for_a_site_are_written(
    ibgu: Ibgu, journal: Journal, tmp_path: Path
) -> None:
    where = tmp_path / "seed"
    found = await ibgu(*GENERATE, "-o", str(where))
    assert found.exit_code == 0, found.output
    lines = found.stdout.splitlines()
    assert lines[:2] == [
        "cluster seed-1",
        "  unknown  single-node OpenShift: it reports no topology",
    ]
    assert "  passed   release: the seed will be of 4.17.3" in lines
    assert lines[-1] == f"wrote {where}: follow {where / 'README.md'}"
    names = {each.name for each in where.iterdir()}
    assert names == {"seedgenerator.yaml", "secret.yaml", "README.md"}
    assert (
        "ibgu seed add seed-1-4.17.3 --image quay.example/seeds/du@$DIGEST"
        in (where / "README.md").read_text()
    )
    again = await ibgu(*GENERATE, "-o", str(where))
    assert (again.exit_code, again.stderr) == (
        2,
        f"ibgu: {where}: exists already; name a new directory\n",
    )


@pytest.mark.usefixtures("cluster")
async def test_the_secret_is_refused_until_the_credentials_are_filled_in(
    ibgu: Ibgu, kubectl: Kubectl, tmp_path: Path
) -> None:
    where = tmp_path / "seed"
    await ibgu(*GENERATE, "-o", str(where))
    text = (where / "secret.yaml").read_text().replace("openshift-lifecycle-agent", "default")
    dry = ("apply", "--dry-run=server", "-f", "-")
    refused = kubectl.run(*dry, stdin=text)
    assert (refused.code, "illegal base64" in refused.err) == (1, True)
    kubectl(*dry, stdin=text.replace("<authfile in base64>", "e30="))


@pytest.mark.usefixtures("cluster")
async def test_a_cluster_with_an_error_gets_files_only_by_force(
    ibgu: Ibgu, journal: Journal, tmp_path: Path
) -> None:
    running = of_image("r7", IMAGE)
    await seen(journal, running)
    prep = await open_step(journal, step(running, 0, total=1))
    await put(journal, member(prep, "seed-1", 0))
    where = tmp_path / "below" / "seed"
    found = await ibgu(*GENERATE, "-o", str(where))
    assert (found.exit_code, where.exists()) == (1, False)
    assert "  error    rollouts: it is an unfinished member of default/ran-r7" in found.stdout
    assert "nothing was written" in found.stderr
    forced = await ibgu(*GENERATE, "-o", str(where), "--force", "--name", "du")
    assert forced.exit_code == 0
    assert "ibgu seed add du --image" in (where / "README.md").read_text()


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("--image", "quay.example/seeds/du"),
        ("--image", f"quay.example/du@{SHA}"),
        ("--image", "quay.example/du:$(reboot)"),
        ("--name", "Two Words"),
    ],
)
async def test_a_request_that_cannot_be_used_is_refused(
    ibgu: Ibgu, tmp_path: Path, option: str, value: str
) -> None:
    found = await ibgu(*GENERATE, option, value, "-o", str(tmp_path / "seed"))
    assert (found.exit_code, found.stderr.startswith(f"ibgu: {option}: ")) == (2, True)


ADD = ("seed", "add", "cli-added", "--image", IMAGE, "--release", "4.17.3")


async def test_the_entry_is_printed_for_kubectl(ibgu: Ibgu, kubectl: Kubectl) -> None:
    found = await ibgu(
        *ADD,
        *("--cluster", "seed-1", "--lifecycle-agent", "4.17.1", "--time", "2026-11-20T08:00:00Z"),
        *("--profile", "fips=true", "--profile", "cpu=64", "--cluster-label", "cpu=example.com/c"),
    )
    assert found.exit_code == 0, found.output
    kubectl("apply", "-f", "-", stdin=found.stdout)
    kept = kubectl.get("seedimage", "cli-added")["spec"]
    kubectl("delete", "seedimage", "cli-added")
    assert kept == {
        "image": IMAGE,
        "release": "4.17.3",
        "profile": {"fips": "true", "cpu": "64"},
        "clusterLabels": {"cpu": "example.com/c"},
        "generatedFrom": {
            "cluster": "seed-1",
            "lifecycleAgent": "4.17.1",
            "time": "2026-11-20T08:00:00Z",
        },
    }
    short = yaml.safe_load((await ibgu(*ADD)).stdout)
    assert short["spec"] == {"image": IMAGE, "release": "4.17.3"}


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (("--image", "quay.io/du:4.17.3"), "--image: name the image by its digest"),
        (("--release", "4.17"), "--release: '4.17' isn't a release such as 4.17.3"),
        (("--profile", "cpu"), "--profile: write KEY=VALUE instead of 'cpu'"),
        (("--profile", "cpu="), "--profile: write KEY=VALUE instead of 'cpu='"),
        (("--cluster-label", "=x"), "--cluster-label: write KEY=LABEL instead of '=x'"),
    ],
)
async def test_an_entry_that_cannot_be_is_refused(
    ibgu: Ibgu, words: tuple[str, ...], problem: str
) -> None:
    found = await ibgu(*ADD, *words)
    assert (found.exit_code, found.stdout) == (2, "")
    assert found.stderr.startswith(f"ibgu: {problem}")


async def test_an_entry_needs_a_name_of_an_object(ibgu: Ibgu) -> None:
    found = await ibgu("seed", "add", "Two Words", *ADD[3:])
    assert (found.exit_code, found.stdout) == (2, "")


def seed_image(name: str | None) -> SeedImageResponse:
    return SeedImageResponse(
        name=name,
        image=OTHER,
        generated_from=SeedOriginResponse(cluster=""),
        results=SeedResultsResponse(rollouts=2, counted=1),
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
        "To describe an image, apply a SeedImage for it: ibgu seed add prints one.",
    ]


def test_an_entry_of_unknown_origin_has_a_dash() -> None:
    assert "  made from   -" in seed_lines(seed_image("du"), PLAIN)


def test_counts_of_the_newest_rollouts_say_so() -> None:
    last = seed_lines(seed_image("du"), PLAIN)[-1]
    assert last.endswith("0 rolled back, in the newest 1 of 2 rollouts")
