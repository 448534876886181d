"""P32 and P41: the catalogue's entry that the rollout names."""

from typing import Any

import pytest
from msgspec.structs import replace

from ibgu.core.drivers.ibu.preflight import ClusterFacts, PreflightFacts, RuleOutcome
from ibgu.core.drivers.ibu.preflight.facts import Lookup, SeedImageFacts
from ibgu.core.model.kinds import SeedImageRef
from ibgu.core.model.seed_image import SeedImageSpec, digest
from tests.core.drivers.ibu.preflight.hub import ITSELF, PAYLOAD, WELL, cluster, outcome, told

SHA = "sha256:" + "12" * 32
OTHER = "sha256:" + "34" * 32
REF = f"{ITSELF.object} spec.ibuSpec.seedImageRef"
NAMED = f"{ITSELF.object} metadata.annotations[ibgu.dev/seed-image]"
ENTRY = SeedImageSpec(
    image=f"registry.example/seeds/du@{SHA}",
    release="4.17.3",
    profile={"hardware": "r750", "fips": "true"},
    cluster_labels={"hardware": "example.com/server"},
)
FITS = {"example.com/server": "r750", "profile.ibgu.dev/fips": "true"}
MADE_FOR = "SeedImage du is for hardware 'r750'"


def of_entry(
    *clusters: ClusterFacts,
    image: str = f"mirror.example/du@{SHA}",
    version: str = "4.17.3",
    lookup: Lookup = Lookup.FOUND,
    **changes: Any,
) -> PreflightFacts:
    """A rollout that names the SeedImage du; `changes`: of its spec."""
    entry = SeedImageFacts("du", lookup, replace(ENTRY, **changes))
    return replace(
        WELL,
        clusters=clusters or (cluster("site-1", **FITS), cluster("site-2", **FITS)),
        seed=SeedImageRef(image=image, version=version),
        payload=replace(PAYLOAD, seed_image=entry),
    )


def test_a_rollout_that_names_no_entry_is_not_compared() -> None:
    assert outcome("P41", WELL) is RuleOutcome.NOT_APPLICABLE
    assert outcome("P32", WELL) is RuleOutcome.UNKNOWN
    nothing = replace(of_entry(), seed=None)
    assert outcome("P41", nothing) is outcome("P32", nothing) is RuleOutcome.NOT_APPLICABLE


def test_a_mirror_of_the_same_image_is_the_entry() -> None:
    assert outcome("P41", of_entry()) is RuleOutcome.PASSED
    assert outcome("P41", of_entry(image=ENTRY.image)) is RuleOutcome.PASSED


@pytest.mark.parametrize(
    ("image", "version", "words"),
    [
        (f"quay.io/du@{OTHER}", "4.17.3", f".image: is {OTHER}, but SeedImage du is {SHA}"),
        ("quay.io/du:4.17.3", "4.17.3", f".image: names no digest; SeedImage du is {SHA}"),
        ("", "4.17.3", f".image: names no digest; SeedImage du is {SHA}"),
        (ENTRY.image, "4.17.2", ".version: is '4.17.2', but SeedImage du has 4.17.3"),
    ],
)
def test_another_image_or_release_than_the_entry_is_an_error(
    image: str, version: str, words: str
) -> None:
    assert told("P41", of_entry(image=image, version=version)) == [f"error {REF}{words}"]


@pytest.mark.parametrize("lookup", [Lookup.MISSING, Lookup.IMPOSSIBLE])
def test_an_entry_that_does_not_exist_is_an_error(lookup: Lookup) -> None:
    facts = of_entry(lookup=lookup, profile={})
    assert told("P41", facts) == [f"error {NAMED}: names 'du', which is not in the catalogue"]
    assert outcome("P32", facts) is RuleOutcome.UNKNOWN


def test_an_entry_that_the_caller_may_not_read_is_unknown() -> None:
    assert told("P41", of_entry(lookup=Lookup.FORBIDDEN, profile={})) == [
        f"unknown {NAMED}: du was not compared: you may not read SeedImages"
    ]


def test_clusters_with_the_labels_of_the_profile_pass() -> None:
    assert outcome("P32", of_entry()) is RuleOutcome.PASSED


def test_a_profile_without_keys_leaves_the_clusters_unknown() -> None:
    assert outcome("P32", of_entry(profile={}, cluster_labels={})) is RuleOutcome.UNKNOWN


def test_another_value_is_an_error_and_a_missing_label_unknown() -> None:
    facts = of_entry(
        cluster("site-1", **FITS),
        cluster("site-2", **FITS | {"example.com/server": "xr8620"}),
        cluster("site-3", **{"example.com/server": "r750"}),
        cluster("site-4", **FITS | {"example.com/server": "xr8620"}),
        cluster("site-5", **FITS | {"example.com/server": ""}),
    )
    server = "ManagedCluster metadata.labels[example.com/server]"
    assert told("P32", facts) == [
        "unknown site-3 ManagedCluster metadata.labels[profile.ibgu.dev/fips]: lack this label; "
        "SeedImage du is for fips 'true'",
        f"error site-2,site-4 {server}: have 'xr8620', but {MADE_FOR}",
        f"error site-5 {server}: have '', but {MADE_FOR}",
    ]


def test_findings_of_many_values_are_bounded() -> None:
    fleet = [
        cluster(f"site-{n}", **{"profile.ibgu.dev/cpu": f"v{n if n > 20 else 1}"})
        for n in range(1, 200)
    ]
    facts = of_entry(*fleet, profile={"cpu": "64"}, cluster_labels={})
    lines = told("P32", facts)
    assert len(lines) == 11
    assert lines[0].startswith("error site-1,site-2,")
    assert "have 'v1', but" in lines[0]
    (rest,) = (line for line in lines if "have other values, but" in line)
    assert rest.endswith("SeedImage du is for cpu '64'")


@pytest.mark.parametrize(
    ("image", "found"),
    [
        (f"quay.io/du@{SHA}", SHA),
        (f"quay.io/du:4.17@{SHA}", SHA),
        (f"quay.io/du@{SHA}0", ""),
        ("quay.io/du:4.17", ""),
        ("quay.io/du@sha256:12", ""),
    ],
)
def test_the_digest_of_an_image_is_whole_or_none(image: str, found: str) -> None:
    assert digest(image) == found
