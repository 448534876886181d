"""ConfigMaps with hub templates: each cluster gets its own values (R25.7)."""

from collections.abc import Iterable, Iterator, Mapping

from msgspec import Raw, Struct, json

from ibgu.core.engine.driver import TemplateRefused
from ibgu.core.model import names
from ibgu.core.model.kinds import JsonObject
from ibgu.core.text.hub_templates import (
    OPEN,
    ClusterValues,
    ParsedText,
    TemplateError,
    parse,
    render,
    resolve,
)
from ibgu.core.text.hub_templates.model import FixedText


class PayloadValues(Struct, frozen=True):
    """PayloadValues is what templates may read besides the cluster: ConfigMaps of the rollout's
    namespace."""

    namespace: str = ""
    config_maps: Mapping[str, Mapping[str, str]] = {}
    """The data of each, by name."""

    def of(self, cluster: str, labels: Mapping[str, str]) -> ClusterValues:
        return ClusterValues(cluster, labels, self.namespace, self.config_maps)


class TemplatedMap(Struct, frozen=True):
    manifest: JsonObject
    texts: Mapping[str, ParsedText]
    """The texts of its data that have templates, by key."""

    @property
    def reads(self) -> bool:
        """Whether a template reads another ConfigMap."""
        return any(True for text in self.texts.values() for _ in text.lookups)

    @property
    def count(self) -> int:
        """The number of its templates."""
        return sum(len(text.templates) for text in self.texts.values())

    def check_reads(self, values: PayloadValues) -> None:
        """Checks the reads whose ConfigMap is the same for each cluster. Raises TemplateRefused."""
        for key, text in self.texts.items():
            for template, lookup in text.lookups:
                own = ("", values.namespace)
                namespace, name = lookup.namespace, lookup.name
                if isinstance(namespace, FixedText) and namespace.text not in own:
                    words = f"fromConfigMap reads namespace {values.namespace} alone"
                    raise _error(self.manifest, key, template.error(words))
                if isinstance(name, FixedText) and name.text not in values.config_maps:
                    words = f"{names.TEMPLATE_CONFIG_MAPS} of the IBGU does not name ConfigMap"
                    raise _error(self.manifest, key, template.error(f"{words} {name.text!r}"))

    def rendered(self, values: ClusterValues, limit: int) -> Raw:
        """Returns the manifest for a cluster. Raises TemplateRefused."""
        data = dict(self.manifest["data"])
        for key, text in self.texts.items():
            try:
                data[key] = render(text, values, limit)
            except TemplateError as error:
                raise _error(self.manifest, key, error) from error
        return Raw(json.encode({**self.manifest, "data": data}, order="deterministic"))

    def check(self, values: ClusterValues, limit: int) -> int:
        """Checks that each template has a value for the cluster, and returns how many characters
        the values have; more than `limit` are not counted, nor checked. Raises TemplateRefused."""
        size = 0
        for key, text in self.texts.items():
            try:
                for template in text.templates:
                    size += len(resolve(template, values))
                    if size > limit:
                        return size
            except TemplateError as error:
                raise _error(self.manifest, key, error) from error
        return size


def templated_maps(manifests: Iterable[JsonObject]) -> Iterator[TemplatedMap]:
    """Yields the ConfigMaps with templates. Raises TemplateRefused."""
    for manifest in manifests:
        if (found := templated_map(manifest)) is not None:
            yield found


def templated_map(manifest: JsonObject) -> TemplatedMap | None:
    """Returns the ConfigMap if it has templates. Raises TemplateRefused."""
    if manifest["kind"] != "ConfigMap":
        return None
    texts: dict[str, ParsedText] = {}
    for key, text in manifest.get("data", {}).items():
        if OPEN in text:
            try:
                texts[key] = parse(text)
            except TemplateError as error:
                raise _error(manifest, key, error) from error
    return TemplatedMap(manifest, texts) if texts else None


def _error(manifest: JsonObject, key: str, error: TemplateError) -> TemplateRefused:
    metadata = manifest["metadata"]
    return TemplateRefused(f"ConfigMap {metadata['namespace']}/{metadata['name']} {key}, {error}")
