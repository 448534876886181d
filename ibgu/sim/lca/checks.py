"""Validates what Prep checks first: the reasons that a real spec fails for."""

import re
from collections.abc import Iterable

from ibgu.core.model.kinds import JsonObject
from ibgu.sim.spoke import Dpa, Equipment, Key, Spoke

_VERSION = re.compile(r"(\d+)\.(\d+)\.(\d+)(?:-([0-9A-Za-z.-]+))?(?:\+.*)?")
_SPEC = "failed to validate IBU spec: "
_AGENT_NAMESPACE = "openshift-lifecycle-agent"
_PULL_SECRET_KEY = ".dockerconfigjson"

Version = tuple[int, int, int, tuple[tuple[int, int, str], ...]]


def prep_problem(spec: JsonObject, spoke: Spoke, current: str) -> str | None:
    """Returns the message of the first problem, in the order in which the agent checks."""
    return next(iter(_problems(spec, spoke, current)), None)


def _problems(spec: JsonObject, spoke: Spoke, current: str) -> Iterable[str]:
    if not spoke.equipment.partition:
        yield "container storage mountpoint target not found"
    seed = spec.get("seedImageRef") or {}
    yield from _version_problems(str(seed.get("version", "")), current)
    if spec.get("oadpContent"):
        yield from _oadp_problems(spoke.equipment)
    for ref in _missing(spec.get("oadpContent"), spoke):
        yield (
            f"{_SPEC}failed to validate oadp configMap: OADP configmap not found, error: "
            f'configmaps "{ref}" not found. Please create the configmap.'
        )
    for ref in _missing(spec.get("extraManifests"), spoke):
        yield (
            f"{_SPEC}failed to validate extramanifest cms: the extraManifests configMap is not "
            f'found, error: configmaps "{ref}" not found. Please create the configMap.'
        )
    secret = (seed.get("pullSecretRef") or {}).get("name")
    if secret and (wrong := _pull_secret_problem(secret, spoke)):
        yield (
            "failed to validate seed image info: failed to get seed image labels: failed to "
            f"retrieve pull-secret from secret {secret}, err: {wrong}"
        )


def _pull_secret_problem(name: str, spoke: Spoke) -> str:
    """Returns why the agent can't read the Secret, of which only one key counts."""
    found = spoke.get(Key("", "Secret", _AGENT_NAMESPACE, name))
    if found is None:
        return f'secrets "{name}" not found'
    has_key = _PULL_SECRET_KEY in (found.get("data") or {})
    return "" if has_key else f"did not find key {_PULL_SECRET_KEY} in Secret {name}"


def _oadp_problems(equipment: Equipment) -> Iterable[str]:
    """Yields what is missing of OADP; the agent checks for its presence alone, not its release."""
    prefix = f"{_SPEC}failed to check oadp operator availability: "
    if not equipment.oadp:
        yield f"{prefix}Please ensure OADP operator is installed in the openshift-adp"
    if equipment.dpa is Dpa.MISSING:
        yield f"{prefix}No DataProtectionApplication CR found in the openshift-adp"


def _missing(refs: list[JsonObject] | None, spoke: Spoke) -> Iterable[str]:
    for ref in refs or []:
        name, namespace = ref.get("name", ""), ref.get("namespace", "")
        if spoke.get(Key("", "ConfigMap", namespace, name)) is None:
            yield name


def _version_problems(wanted: str, current: str) -> Iterable[str]:
    prefix = f"{_SPEC}failed to validate seed image OCP version: "
    try:
        seed = parse_version(wanted)
    except ValueError:
        yield f"{prefix}failed to parse seed version {wanted}: No Major.Minor.Patch elements found"
        return
    if seed <= parse_version(current):
        yield (
            f"{prefix}seed OCP version ({wanted}) must be higher than current OCP version "
            f"({current})"
        )


def parse_version(text: str) -> Version:
    """Returns a key that sorts as semantic versions do: 4.17.0-rc.1 before 4.17.0. Raises
    ValueError."""
    match = _VERSION.fullmatch(text)
    if match is None:
        raise ValueError(f"{text!r} is not a version of the form x.y.z")
    major, minor, patch = (int(match.group(n)) for n in (1, 2, 3))
    return major, minor, patch, _prerelease(match.group(4))


def _prerelease(text: str | None) -> tuple[tuple[int, int, str], ...]:
    if text is None:
        return ((2, 0, ""),)
    return tuple((0, int(part), "") if part.isdigit() else (1, 0, part) for part in text.split("."))
