"""The CRD of SeedImage on the real API server: what is refused, and with which words."""

from collections.abc import Callable, Iterator

import httpx
import pytest

from ibgu.sandbox.kubectl import Kubectl
from tests.charts.ibgus import Answer, Object

PATH = "/apis/ibgu.dev/v1alpha1/seedimages"
IMAGE = f"registry.example.com/seeds/du@sha256:{'0a' * 32}"
BY_DIGEST = (
    "the image must be named by its digest, such as registry.example.com/seeds/du@sha256:0123… "
    "(64 hexadecimal digits)"
)
Create = Callable[..., Answer]


def seed(name: str, **spec: object) -> Object:
    return {
        "apiVersion": "ibgu.dev/v1alpha1",
        "kind": "SeedImage",
        "metadata": {"name": name},
        "spec": {"image": IMAGE, "release": "4.17.3", **spec},
    }


@pytest.fixture
def tried(admin: httpx.Client) -> Create:
    """Validates a SeedImage in full, without keeping it."""

    def create(**spec: object) -> Answer:
        response = admin.post(PATH, json=seed("tried", **spec), params={"dryRun": "All"})
        return Answer(response.status_code, response.json())

    return create


@pytest.fixture
def kept(admin: httpx.Client, unique_name: Callable[[str], str]) -> Iterator[str]:
    name = unique_name("du")
    spec = {
        "profile": {"hardware": "r750", "ipFamily": "ipv6"},
        "clusterLabels": {"hardware": "site.example.com/server"},
        "generatedFrom": {"cluster": "seed-1", "time": "2026-11-20T08:00:00Z"},
    }
    assert admin.post(PATH, json=seed(name, **spec)).status_code == 201
    yield name
    assert admin.delete(f"{PATH}/{name}").status_code == 200


@pytest.mark.parametrize(
    "image",
    [
        "registry.example.com/seeds/du:4.17.3",
        f"registry.example.com/seeds/du@sha256:{'0a' * 31}",
        f"registry.example.com/seeds du@sha256:{'0a' * 32}",
        f"registry.example.com/seeds/du@sha256:{'0A' * 32}",
        f"@sha256:{'0a' * 32}",
    ],
)
def test_an_image_that_is_not_named_by_its_digest_is_refused(tried: Create, image: str) -> None:
    answer = tried(image=image)
    [cause] = answer.body["details"]["causes"]
    assert (answer.code, cause["field"]) == (422, "spec.image")
    assert cause["message"].endswith(BY_DIGEST)


@pytest.mark.parametrize("release", ["4.17", "latest", "4.17.3 ", "v4.17.3"])
def test_a_release_that_is_not_whole_is_refused(tried: Create, release: str) -> None:
    answer = tried(release=release)
    assert answer.causes == [("spec.release", "release must be x.y.z, such as 4.17.3")]


@pytest.mark.parametrize("release", ["4.17.3", "4.18.0-rc.2", "5.0.0-ec.1"])
def test_releases_and_candidates_are_accepted(tried: Create, release: str) -> None:
    assert tried(release=release).code == 201


@pytest.mark.parametrize("missing", ["image", "release"])
def test_a_seed_without_image_or_release_is_refused(admin: httpx.Client, missing: str) -> None:
    body = seed("missing")
    del body["spec"][missing]
    response = admin.post(PATH, json=body, params={"dryRun": "All"})
    answer = Answer(response.status_code, response.json())
    assert (answer.code, [field for field, _ in answer.causes]) == (422, [f"spec.{missing}"])


@pytest.mark.parametrize("key", ["-cpu", "cpu.cores", "k" * 42, "cpu/cores", ""])
def test_a_profile_key_that_is_no_end_of_a_label_is_refused(tried: Create, key: str) -> None:
    [(field, message)] = tried(profile={key: "1"}).causes
    assert field == "spec.profile"
    assert message.startswith("keys of profile must have at most 41 letters")


@pytest.mark.parametrize(
    ("value", "field"),
    [
        ("", "spec.profile[cpu]"),
        ("two words", "spec.profile[cpu]"),
        ("-x", "spec.profile[cpu]"),
        ("v" * 64, "spec.profile.cpu"),
    ],
)
def test_a_profile_value_that_no_label_can_have_is_refused(
    tried: Create, value: str, field: str
) -> None:
    answer = tried(profile={"cpu": value})
    assert (answer.code, [where for where, _ in answer.causes]) == (422, [field])


def test_a_profile_is_bounded(tried: Create) -> None:
    profile = {f"key{number}": "v" for number in range(33)}
    [(field, message)] = tried(profile=profile).causes
    assert (field, message) == ("spec.profile", "must have at most 32 items")
    profile.popitem()
    labels = {key: f"site.example.com/{key}" for key in profile}
    assert tried(profile=profile, clusterLabels=labels).code == 201


@pytest.mark.parametrize("profile", [{}, {"profile": {"cpu": "64"}}])
def test_a_label_for_a_key_that_the_profile_lacks_is_refused(
    tried: Create, profile: Object
) -> None:
    answer = tried(clusterLabels={"hardware": "server"}, **profile)
    assert answer.causes == [("spec", "clusterLabels may only have keys of profile")]


def test_a_label_key_that_no_label_can_have_is_refused(tried: Create) -> None:
    answer = tried(profile={"cpu": "64"}, clusterLabels={"cpu": "two words"})
    assert answer.causes == [
        ("spec.clusterLabels[cpu]", "values of clusterLabels must be keys of labels")
    ]


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("image", IMAGE.replace("0a", "0b"), "create a SeedImage for the other image"),
        ("release", "4.17.4", "create a SeedImage for the other release"),
    ],
)
def test_image_and_release_stay_as_they_are(
    admin: httpx.Client, kept: str, field: str, value: str, message: str
) -> None:
    headers = {"Content-Type": "application/merge-patch+json"}
    body = {"spec": {field: value}}
    response = admin.patch(f"{PATH}/{kept}", json=body, headers=headers)
    answer = Answer(response.status_code, response.json())
    assert (answer.code, answer.causes) == (
        422,
        [(f"spec.{field}", f"{field} is immutable; {message}")],
    )


def test_the_profile_may_be_completed_later(admin: httpx.Client, kept: str) -> None:
    headers = {"Content-Type": "application/merge-patch+json"}
    body = {"spec": {"profile": {"fips": "true"}}}
    response = admin.patch(f"{PATH}/{kept}", json=body, headers=headers)
    assert response.json()["spec"]["profile"]["fips"] == "true"


def test_the_columns_show_what_the_seed_is_for(kubectl: Kubectl, kept: str) -> None:
    header, row = kubectl("get", "seedimage", kept).splitlines()
    assert header.split() == ["NAME", "RELEASE", "HARDWARE", "FROM", "AGE"]
    assert row.split()[:4] == [kept, "4.17.3", "r750", "seed-1"]
    assert IMAGE in kubectl("get", "seedimage", kept, "-o", "wide")


@pytest.mark.parametrize(
    "limits",
    [{"sameCause": 10}, {"percent": 20}, {"sameCause": 1, "percent": 100, "minimumUpgrades": 1}],
    ids=str,
)
def test_limits_of_the_circuit_breaker_are_accepted(tried: Create, limits: Object) -> None:
    answer = tried(circuitBreaker=limits)
    assert answer.code == 201
    kept = answer.body["spec"]["circuitBreaker"]
    assert kept == {"minimumUpgrades": 10, "windowMinutes": 1440} | limits


@pytest.mark.parametrize(
    ("limits", "field"),
    [
        ({"sameCause": 0}, "sameCause"),
        ({"percent": 101}, "percent"),
        ({"percent": 5, "minimumUpgrades": 0}, "minimumUpgrades"),
        ({"percent": 5, "windowMinutes": 10081}, "windowMinutes"),
    ],
    ids=str,
)
def test_limits_out_of_their_range_are_refused(tried: Create, limits: Object, field: str) -> None:
    answer = tried(circuitBreaker=limits)
    assert (answer.code, [where for where, _ in answer.causes]) == (
        422,
        [f"spec.circuitBreaker.{field}"],
    )


def test_a_circuit_breaker_without_a_limit_is_refused(tried: Create) -> None:
    answer = tried(circuitBreaker={"windowMinutes": 60})
    message = "circuitBreaker needs sameCause, percent, or both"
    assert (answer.code, answer.causes) == (422, [("spec.circuitBreaker", message)])


def test_the_circuit_breaker_may_be_changed_and_removed(admin: httpx.Client, kept: str) -> None:
    headers = {"Content-Type": "application/merge-patch+json"}
    for limits in ({"percent": 5}, {"percent": 10}, None):
        body = {"spec": {"circuitBreaker": limits}}
        assert admin.patch(f"{PATH}/{kept}", json=body, headers=headers).status_code == 200
