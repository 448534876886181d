"""Reads the file that names the receivers."""

from pathlib import Path
from typing import Any

import yaml

from ibgu.core.notify import InvalidReceiverFile, Receiver, parse
from ibgu.settings import Settings, SettingsError, variable


def receivers_of(settings: Settings) -> tuple[Receiver, ...]:
    """Returns the receivers; none if no file is configured. Raises SettingsError."""
    if not settings.notify_file:
        return ()
    try:
        return read_file(settings.notify_file)
    except InvalidReceiverFile as error:
        raise SettingsError(f"{variable('notify_file')}: {error}") from error


def read_file(path: str) -> tuple[Receiver, ...]:
    """Returns the receivers in the file. Raises InvalidReceiverFile."""
    return parse(yaml_of(path, InvalidReceiverFile))


def yaml_of(path: str, invalid: type[ValueError]) -> Any:
    """Returns the content of a file of settings. Raises `invalid`."""
    try:
        return yaml.safe_load(Path(path).read_text())
    except (OSError, UnicodeError) as error:
        words = error.strerror if isinstance(error, OSError) else "no text"
        raise invalid(f"{path} can't be read: {words}") from error
    except yaml.MarkedYAMLError as error:
        # Without the line's text, which may hold what should not be there.
        line = error.problem_mark.line + 1 if error.problem_mark else 0
        raise invalid(f"{path}, line {line}: {error.problem}") from error
    except yaml.YAMLError as error:
        raise invalid(f"{path} is no YAML") from error
