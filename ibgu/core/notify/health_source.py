"""Reads the sources of canaries' health from one YAML file; errors name the field.

They are configured as receivers of notifications are.
"""

from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct

from ibgu.core.notify.receiver import url_problem, with_field


class HealthSource(Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """HealthSource is Prometheus, Thanos, or another with their HTTP API. The value of `…File` is
    in the file of that name."""

    name: Annotated[str, Meta(pattern=r"^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$")]
    url: str = ""
    url_file: str = ""
    token_file: str = ""
    """A token that is sent as `Authorization: Bearer`."""
    ca_file: str = ""
    timeout_seconds: Annotated[float, Meta(gt=0, le=30)] = 10


class _SourceFile(Struct, frozen=True, forbid_unknown_fields=True):
    sources: Annotated[tuple[HealthSource, ...], Meta(max_length=20)]


class InvalidSourceFile(ValueError):
    """An error that names the field and what is wrong with it."""


def parse_sources(document: Any) -> tuple[HealthSource, ...]:
    """Returns the sources from the YAML file's content. Raises InvalidSourceFile."""
    try:
        sources = msgspec.convert(document, _SourceFile).sources
    except msgspec.ValidationError as error:
        raise InvalidSourceFile(with_field(str(error), {})) from error
    for index, source in enumerate(sources):
        if source.name in [other.name for other in sources[:index]]:
            raise InvalidSourceFile(f"sources[{index}].name: {source.name!r} is there twice")
        if wrong := _problem(source):
            raise InvalidSourceFile(f"sources[{index}].{wrong}")
    return sources


def _problem(source: HealthSource) -> str | None:
    if bool(source.url) == bool(source.url_file):
        return "url: either url or urlFile is needed"
    if source.url and (wrong := url_problem(source.url, token=bool(source.token_file))):
        return f"url: {wrong}"
    return None
