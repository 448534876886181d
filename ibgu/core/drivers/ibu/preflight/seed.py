"""P11, P12: the seed image, and the pull secret with which the clusters fetch it."""

from collections.abc import Iterator

from ibgu.core.drivers.ibu.preflight.facts import Lookup, PreflightFacts, PullSecretFacts
from ibgu.core.drivers.ibu.preflight.model import PreflightFinding, PreflightRule
from ibgu.core.drivers.ibu.preflight.releases import parsed
from ibgu.core.model.document import ObjectField, shown
from ibgu.core.model.kinds import SeedImageRef

SEED = "spec.ibuSpec.seedImageRef"
_DOCKER_HUB = "docker.io"
_DOCKER_HUB_HOSTS = ("docker.io", "index.docker.io", "registry-1.docker.io")

P11 = PreflightRule(
    "P11",
    "The seed has an image, named by its digest, and its release",
    "15.4.1",
    "Name image and version as the seed's author has published them.",
)
P12 = PreflightRule(
    "P12",
    "The seed's pull secret is on the hub and has credentials for its registry",
    "15.4.1",
    "Name a pull secret of the same namespace that lists the seed's registry in auths.",
)


def seed_unnamed(facts: PreflightFacts) -> Iterator[PreflightFinding]:
    seed = facts.seed or SeedImageRef()
    if not seed.image or not seed.version:
        yield P11.error(facts.at(SEED), "lacks image or version: every cluster will refuse Prep")
        return
    if parsed(seed.version) is None:
        words = (
            f"{shown(seed.version)!r} is not a release such as 4.17.3: every cluster will "
            "refuse Prep"
        )
        yield P11.error(facts.at(f"{SEED}.version"), words)
    if seed.image.split() != [seed.image]:
        yield P11.error(facts.at(f"{SEED}.image"), "has spaces: no image has such a name")
    elif "@sha256:" not in seed.image:
        words = (
            f"{shown(seed.image)} is named by a tag, which may be moved while the rollout runs; "
            "name it by its digest"
        )
        yield P11.warning(facts.at(f"{SEED}.image"), words)


def pull_secret(facts: PreflightFacts) -> Iterator[PreflightFinding]:
    secret = facts.payload.pull_secret
    if secret is None or facts.seed is None:
        return
    at = ObjectField(f"Secret {shown(secret.name)}")
    match secret.lookup:
        case Lookup.MISSING:
            words = "is not on the hub: create it, or deliver it to the clusters another way"
            yield P12.warning(at, words)
        case Lookup.FORBIDDEN:
            yield P12.unknown(at, "was not checked: you may not read it")
        case _ if secret.problem:
            yield P12.error(at, secret.problem)
        case _:
            yield from _credentials(secret, facts.seed.image, at)


def _credentials(
    secret: PullSecretFacts, image: str, at: ObjectField
) -> Iterator[PreflightFinding]:
    """Warns only: a registry may let everybody read, or be replaced by a mirror."""
    hosts = _DOCKER_HUB_HOSTS if registry(image) == _DOCKER_HUB else (registry(image),)
    name = image.partition("@")[0]
    for each in secret.registries:
        entry = each.removeprefix("https://").removeprefix("http://").rstrip("/")
        if entry.split("/")[0] in hosts and _within(entry, name, hosts):
            return
    words = f"has no credentials for {shown(registry(image))}, the seed's registry"
    yield P12.warning(ObjectField(at.object, "data.auths"), words)


def _within(entry: str, name: str, hosts: tuple[str, ...]) -> bool:
    """Returns whether the entry is of the whole registry, or of a part that the image is in."""
    host, _, path = entry.partition("/")
    whole = not path or host in _DOCKER_HUB_HOSTS
    return whole or any(f"{name}/".startswith(f"{each}/{path}/") for each in hosts)


def registry(image: str) -> str:
    """Returns the registry's host of an image's name."""
    first, slash, _ = image.partition("/")
    named = slash and ("." in first or ":" in first or first == "localhost")
    return first if named else _DOCKER_HUB
