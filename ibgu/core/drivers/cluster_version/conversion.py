"""Converts TALM's ClusterGroupUpgrade with a policy of the ClusterVersion to a FleetUpdate."""

from collections.abc import Collection, Iterable, Iterator, Sequence

from msgspec import Struct, json

from ibgu.core.drivers.cluster_version.spec import API_VERSION
from ibgu.core.drivers.node_jobs.images import digest_of
from ibgu.core.model import names
from ibgu.core.model.kinds import JsonObject

CGU_KIND = "ClusterGroupUpgrade"
MIRROR_FIELDS = {
    "ImageDigestMirrorSet": "imageDigestMirrors",
    "ImageContentSourcePolicy": "repositoryDigestMirrors",
}
"""The field of each kind of mirror set that lists its mirrors."""
_SIGNATURES = "release.openshift.io/verification-signatures"
_TEMPLATE = "{{"
_IDENTITY = ("name", "namespace")
_TIMEOUT = 240
"""Minutes, TALM's default."""
_CHECK_MINUTES = 60
_RETRACT_MINUTES = 20


class NotConvertible(ValueError):
    """NotConvertible: no FleetUpdate can be made; the message says what to change."""


class Converted(Struct, frozen=True):
    fleet_update: JsonObject
    left: Sequence[str]
    """What has no counterpart, a sentence each."""


class _Policies(Struct):
    """_Policies is what the policies bring to the clusters."""

    update: JsonObject = {}
    """The ClusterVersion's desiredUpdate."""
    mirrors: list[JsonObject] = []
    """Sources with their mirrors."""
    signatures: list[JsonObject] = []
    """ConfigMaps."""


def convert(cgu: JsonObject, policies: Iterable[JsonObject], job_image: str = "") -> Converted:
    """Returns the FleetUpdate that does what the ClusterGroupUpgrade does by its policies; those
    that it does not manage are ignored. `job_image`: the image, by digest, of Jobs that take
    backups and pull images; without one both are left out. Raises NotConvertible."""
    if job_image and not digest_of(job_image):
        raise NotConvertible(f"{job_image} is no image by sha256 digest")
    meta, spec = _mapping(cgu.get("metadata")), _mapping(cgu.get("spec"))
    name, namespace = str(meta.get("name") or ""), str(meta.get("namespace") or "")
    if not name:
        raise NotConvertible("the ClusterGroupUpgrade has no name")
    left: list[str] = []
    found = _policies(managed_policies(cgu), policies, left)
    image, version = _release(found.update, left)
    place = {"namespace": namespace} if namespace else {}
    signatures = list(_signatures(f"sha256-{digest_of(image)}-", found.signatures))
    update: JsonObject = {"release": {"version": version, "image": image}}
    if signatures:
        update["signatures"] = signatures
    if found.mirrors:
        update["mirrors"] = found.mirrors
    jobs = _jobs(spec, job_image, left)
    update |= jobs
    left += _left(spec)
    marks = {names.PAUSE: "converted from enable: false"} if spec.get("enable") is False else {}
    fleet_update = {
        "apiVersion": API_VERSION,
        "kind": names.FLEET_UPDATE,
        "metadata": {"name": name, **place, **({"annotations": marks} if marks else {})},
        "spec": {
            "update": update,
            "clusterLabelSelectors": _selectors(spec, left),
            "plan": _plan(spec, left, jobs, mirrors=bool(found.mirrors or signatures)),
        },
    }
    return Converted(fleet_update, left)


# -- policies ------------------------------------------------------------------------------------


def _policies(managed: Sequence[str], policies: Iterable[JsonObject], left: list[str]) -> _Policies:
    by_name: dict[str, JsonObject] = {}
    for each in policies:
        _add(each, by_name, managed)
    found = _Policies()
    for name in managed:
        if (policy := by_name.get(name)) is None:
            raise NotConvertible(
                f"the policy {name} was not given: add its file, or read it from the hub (--hub)"
            )
        if _TEMPLATE in json.encode(policy).decode():
            raise NotConvertible(
                f"the policy {name} has templates: give its content with values in their place"
            )
        for obj in _objects(policy):
            _take(name, obj, found, left)
    return found


def _add(policy: JsonObject, by_name: dict[str, JsonObject], managed: Collection[str]) -> None:
    """Adds the policy; two of one name in different namespaces are ambiguous, for TALM as well."""
    name, namespace = (str(_mapping(policy.get("metadata")).get(key)) for key in _IDENTITY)
    other = str(_mapping(by_name.get(name, policy).get("metadata")).get("namespace"))
    if name in managed and other != namespace:
        raise NotConvertible(
            f"there are two policies {name}, in namespaces {other} and {namespace}: give the file "
            "of the one that the clusters have"
        )
    by_name[name] = policy


def managed_policies(cgu: JsonObject) -> list[str]:
    """Returns the names of the policies that the ClusterGroupUpgrade manages."""
    return _strings(_mapping(cgu.get("spec")).get("managedPolicies"))


def _objects(policy: JsonObject) -> Iterator[JsonObject]:
    """Yields the objects that the policy's ConfigurationPolicies bring to clusters."""
    spec = _mapping(policy.get("spec"))
    for template in _mappings(spec.get("policy-templates")):
        definition = _mapping(template.get("objectDefinition"))
        for each in _mappings(_mapping(definition.get("spec")).get("object-templates")):
            if str(each.get("complianceType", "")).lower() != "mustnothave":
                yield _mapping(each.get("objectDefinition"))


def _take(policy: str, obj: JsonObject, found: _Policies, left: list[str]) -> None:
    kind, spec = str(obj.get("kind") or ""), _mapping(obj.get("spec"))
    meta = _mapping(obj.get("metadata"))
    if kind == "ClusterVersion":
        wanted = _mapping(spec.get("desiredUpdate"))
        if found.update and wanted and wanted != found.update:
            raise NotConvertible("two policies ask for different releases: convert them apart")
        found.update = wanted or found.update
        left.extend(
            f"policy {policy}: {field} of the ClusterVersion stays with the policy: a FleetUpdate "
            "names its release by digest and needs no update service"
            for field in ("channel", "upstream")
            if spec.get(field)
        )
    elif kind in MIRROR_FIELDS:
        for each in _mappings(spec.get(MIRROR_FIELDS[kind])):
            source = str(each.get("source") or "")
            if each.get("mirrorSourcePolicy") == "NeverContactSource":
                left.append(
                    f"policy {policy}: NeverContactSource of {source} stays with the policy"
                )
            if mirrors := _strings(each.get("mirrors")):
                found.mirrors.append({"source": source, "mirrors": mirrors})
    elif kind == "ConfigMap" and _SIGNATURES in _mapping(meta.get("labels")):
        found.signatures.append(obj)
    else:
        name = f" {meta['name']}" if meta.get("name") else ""
        left.append(f"policy {policy}: {kind or 'an object'}{name} stays with the policy")


def _release(update: JsonObject, left: list[str]) -> tuple[str, str]:
    image, version = str(update.get("image") or ""), str(update.get("version") or "")
    if not version:
        raise NotConvertible(
            "no policy of it names the version in desiredUpdate of a ClusterVersion: a "
            "FleetUpdate names its release by version and digest"
        )
    if not digest_of(image):
        problem = f"{image} is no image by digest" if image else "no policy of it names an image"
        raise NotConvertible(
            f"{problem}: add the image, with the digest that "
            f"`oc adm release info {version} -o jsonpath={{.digest}}` prints, to the policy"
        )
    if update.get("force"):
        left.append(
            "force: true is left out: it skips the check of the signature; bring the signature "
            "in spec.update.signatures"
        )
    return image, version


def _signatures(prefix: str, maps: Sequence[JsonObject]) -> Iterator[str]:
    """Yields the signatures of one digest, base64; a ConfigMap may have those of others, too."""
    for each in maps:
        for key, text in _mapping(each.get("binaryData")).items():
            if key.startswith(prefix):
                yield str(text)


# -- clusters and plan ---------------------------------------------------------------------------


def _selectors(spec: JsonObject, left: list[str]) -> list[JsonObject]:
    found: list[JsonObject] = []
    if clusters := _strings(spec.get("clusters")):
        named = {"key": "name", "operator": "In", "values": list(dict.fromkeys(clusters))}
        found.append({"matchExpressions": [named]})
        left.append(
            "spec.clusters became a selector of the label name, which the import controller of "
            "Advanced Cluster Management sets: check that your ManagedClusters have it"
        )
    for text in _strings(spec.get("clusterSelector")):
        key, _, value = text.partition("=")
        found.append({"matchLabels": {key.strip(): value.strip()}})
    found += _mappings(spec.get("clusterLabelSelectors"))
    if not found:
        raise NotConvertible("the ClusterGroupUpgrade selects no cluster")
    return found


def _jobs(spec: JsonObject, image: str, left: list[str]) -> JsonObject:
    """Returns the parts of the update that Jobs do."""
    wanted: JsonObject = {}
    if spec.get("backup"):
        wanted["backup"] = {"form": "Full", "image": image}
    if spec.get("preCaching"):
        wanted["preCache"] = {"image": image}
    if wanted and not image:
        left += [
            f"{field}: name an image for its Job (--job-image), and it becomes spec.update.{field}"
            for field in wanted
        ]
        return {}
    return wanted


def _plan(
    spec: JsonObject, left: list[str], jobs: JsonObject, *, mirrors: bool
) -> list[JsonObject]:
    strategy = _mapping(spec.get("remediationStrategy"))
    most, timeout = strategy.get("maxConcurrency"), strategy.get("timeout", _TIMEOUT)
    if not isinstance(most, int) or most < 1:
        raise NotConvertible("remediationStrategy.maxConcurrency must be 1 or more")
    if not isinstance(timeout, int) or timeout < 1:
        raise NotConvertible("remediationStrategy.timeout must be a minute or more")
    if canaries := _strings(strategy.get("canaries")):
        left.append(
            f"canaries ({', '.join(canaries)}): label these clusters, and choose them by "
            "canaries.selector of a RolloutPolicy; or update them first, by a FleetUpdate of their "
            "own"
        )
    before = ["Check", "Mirror"] if mirrors else ["Check"]
    ahead = [_step(["PreCache"], most, timeout)] if "preCache" in jobs else []
    update = ["Backup", "Update"] if "backup" in jobs else ["Update"]
    return [
        _step(before, most, _CHECK_MINUTES),
        *ahead,
        _step(update, most, timeout),
        _step(["RetractOnFailure"], most, _RETRACT_MINUTES),
    ]


def _step(actions: Sequence[str], most: int, timeout: int) -> JsonObject:
    strategy = {"maxConcurrency": most, "timeout": timeout}
    return {"actions": list(actions), "rolloutStrategy": strategy}


_NO_COUNTERPART = {
    "preCachingConfigRef": "copy spaceRequired and excludePrecachePatterns of that object to "
    "spec.update.preCache; operators and other images are not pulled ahead",
    "blockingCRs": "pause the FleetUpdate (ibgu.dev/pause) until the others have succeeded",
    "actions": "set these labels and annotations of ManagedClusters yourself; ibgu sets its own",
    "batchTimeoutAction": "the circuit breaker stops what fails too often",
    "manifestWorkTemplates": "a FleetUpdate brings no manifests of your own",
}


def _left(spec: JsonObject) -> Iterator[str]:
    for field, words in _NO_COUNTERPART.items():
        if spec.get(field):
            yield f"{field}: {words}"


def _mapping(value: object) -> JsonObject:
    return value if isinstance(value, dict) else {}


def _mappings(value: object) -> list[JsonObject]:
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []


def _strings(value: object) -> list[str]:
    return [each for each in value if isinstance(each, str)] if isinstance(value, list) else []
