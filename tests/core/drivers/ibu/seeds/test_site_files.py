"""The files for the site of a seed's cluster."""

import re

import pytest
import yaml

from ibgu.core.drivers.ibu.seeds import SeedRequest, site_files
from ibgu.core.drivers.ibu.seeds.site_files import README, repository

IMAGE = "registry.example:5000/seeds/du:4.17.3"
SEED = SeedRequest.of("seed-1", IMAGE, "4.17.3")


def test_the_generator_has_the_name_that_the_agent_expects() -> None:
    found = yaml.safe_load(site_files(SEED)["seedgenerator.yaml"])
    assert found == {
        "apiVersion": "lca.openshift.io/v1",
        "kind": "SeedGenerator",
        "metadata": {"name": "seedimage"},
        "spec": {"seedImage": IMAGE},
    }


def test_the_secret_has_a_placeholder_instead_of_credentials() -> None:
    found = yaml.safe_load(site_files(SEED)["secret.yaml"])
    where = {"name": "seedgen", "namespace": "openshift-lifecycle-agent"}
    assert (found["metadata"], found["type"]) == (where, "Opaque")
    assert found["data"] == {"seedAuth": "<authfile in base64>"}


def test_the_commands_name_cluster_image_and_entry() -> None:
    text = site_files(SEED)[README]
    assert "oc delete managedcluster seed-1\n" in text
    assert f"docker://{IMAGE})" in text
    assert "'{{.Digest}}'" in text
    assert "ibgu seed add seed-1-4.17.3 --image registry.example:5000/seeds/du@$DIGEST" in text
    assert "--release 4.17.3 --cluster seed-1 | kubectl apply -f -" in text
    assert "podman login --authfile $AUTH/auth.json registry.example:5000/seeds/du\n" in text
    assert not re.search(r"\{[a-z]+\}", text)


def test_a_release_that_is_none_reaches_no_command() -> None:
    """A cluster reports it, and a person pastes the command into a shell."""
    found = SeedRequest.of("seed-1", IMAGE, "4.17; reboot")
    assert (found.release, found.name) == ("", "seed-1")
    text = site_files(found)[README]
    assert "reboot" not in text.replace("reboots", "")
    assert "--release X.Y.Z " in text


@pytest.mark.parametrize(
    ("release", "given", "name"),
    [
        ("4.18.0-RC.1", "", "seed-1-4.18.0-rc.1"),
        ("4.17.3+build", "", "seed-1"),
        ("4.17.3", "du", "du"),
    ],
)
def test_the_entry_has_a_name_that_an_object_can_have(release: str, given: str, name: str) -> None:
    assert SeedRequest.of("seed-1", IMAGE, release, given).name == name


@pytest.mark.parametrize(
    ("image", "name"),
    [
        (IMAGE, "registry.example:5000/seeds/du"),
        ("quay.io/du", "quay.io/du"),
        ("du:4.17.3", "du"),
    ],
)
def test_a_repository_is_the_image_without_its_tag(image: str, name: str) -> None:
    assert repository(image) == name
