"""P11 and P12."""

import pytest
from msgspec.structs import replace

from ibgu.core.drivers.ibu.preflight import PreflightFacts, RuleOutcome
from ibgu.core.drivers.ibu.preflight.facts import Lookup
from ibgu.core.model.kinds import SeedImageRef
from tests.core.drivers.ibu.preflight.hub import IMAGE, ITSELF, PAYLOAD, SECRET, WELL, outcome, told

REF = f"{ITSELF.object} spec.ibuSpec.seedImageRef"


@pytest.mark.parametrize(
    ("image", "version", "words"),
    [
        ("", "4.17.3", f"error {REF}: lacks image or version: every cluster will refuse Prep"),
        (IMAGE, "", f"error {REF}: lacks image or version: every cluster will refuse Prep"),
        (
            IMAGE,
            "latest",
            f"error {REF}.version: 'latest' is not a release such as 4.17.3: "
            "every cluster will refuse Prep",
        ),
        ("quay.io/a b", "4.17.3", f"error {REF}.image: has spaces: no image has such a name"),
        (
            "quay.io/a:4.17",
            "4.17.3",
            f"warning {REF}.image: quay.io/a:4.17 is named by a tag, which may be moved while the "
            "rollout runs; name it by its digest",
        ),
    ],
)
def test_a_seed_that_is_not_well_named(image: str, version: str, words: str) -> None:
    facts = replace(WELL, seed=SeedImageRef(image=image, version=version))
    assert told("P11", facts) == [words]


def test_a_seed_by_its_digest() -> None:
    assert outcome("P11", WELL) is RuleOutcome.PASSED
    assert outcome("P11", replace(WELL, seed=None)) is RuleOutcome.NOT_APPLICABLE


def secret(image: str = IMAGE, **changes: object) -> PreflightFacts:
    found = replace(PAYLOAD, pull_secret=replace(SECRET, **changes))
    return replace(WELL, payload=found, seed=SeedImageRef(image=image, version="4.17.3"))


def test_a_pull_secret_that_will_not_do() -> None:
    assert told("P12", secret(lookup=Lookup.MISSING)) == [
        "warning Secret ran/pull: is not on the hub: create it, or deliver it to the clusters "
        "another way"
    ]
    assert told("P12", secret(lookup=Lookup.FORBIDDEN)) == [
        "unknown Secret ran/pull: was not checked: you may not read it"
    ]
    wrong = secret(lookup=Lookup.IMPOSSIBLE, problem="can't exist")
    assert told("P12", wrong) == ["error Secret ran/pull: can't exist"]
    assert told("P12", secret(registries=("quay.io",))) == [
        "warning Secret ran/pull data.auths: has no credentials for registry.example:5000, the "
        "seed's registry"
    ]


@pytest.mark.parametrize(
    ("image", "entry"),
    [
        (IMAGE, "registry.example:5000"),
        (IMAGE, "https://registry.example:5000/"),
        (IMAGE, "registry.example:5000/seeds"),
        ("localhost/seed@sha256:12", "localhost"),
        ("seeds/ran@sha256:12", "https://index.docker.io/v1/"),
        ("seed@sha256:12", "docker.io"),
    ],
)
def test_credentials_of_the_registry_or_of_a_part_of_it(image: str, entry: str) -> None:
    assert outcome("P12", secret(image, registries=("quay.io", entry))) is RuleOutcome.PASSED


@pytest.mark.parametrize("entry", ["registry.example:5000/other", "registry.example:5000/seeds/r"])
def test_credentials_of_another_part_of_the_registry(entry: str) -> None:
    assert outcome("P12", secret(registries=(entry,))) is RuleOutcome.WARNING


def test_without_a_pull_secret_the_clusters_own_one_counts() -> None:
    assert outcome("P12", secret()) is RuleOutcome.PASSED
    without = replace(WELL, payload=replace(PAYLOAD, pull_secret=None))
    assert outcome("P12", without) is RuleOutcome.NOT_APPLICABLE
    assert outcome("P12", replace(WELL, seed=None)) is RuleOutcome.PASSED
