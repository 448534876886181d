"""Reads the file that names the sources of canaries' health."""

from ibgu.controller.notify import yaml_of
from ibgu.core.notify import HealthSource, InvalidSourceFile, parse_sources
from ibgu.settings import Settings, SettingsError, variable


def sources_of(settings: Settings) -> tuple[HealthSource, ...]:
    """Returns the sources; none if no file is configured. Raises SettingsError."""
    path = settings.health_sources_file
    if not path:
        return ()
    try:
        return parse_sources(yaml_of(path, InvalidSourceFile))
    except InvalidSourceFile as error:
        raise SettingsError(f"{variable('health_sources_file')}: {error}") from error
