"""The commands as completion sees them."""

from collections.abc import Callable
from enum import StrEnum
from typing import Any, get_type_hints

from typer.main import get_command

from ibgu.cli.complete.words import Argument, Command, Option

_HELP = Option(("--help",), "Show this message and exit.")


def commands() -> dict[str, Command]:
    from ibgu.cli.app import app

    found = getattr(get_command(app), "commands")  # noqa: B009
    callbacks = {_name(each): each.callback for each in app.registered_commands if each.callback}
    return {
        name: _command(each, callbacks[name]) for name, each in found.items() if not each.hidden
    }


def _name(info: Any) -> str:
    return str(info.name or info.callback.__name__.replace("_", "-"))


def _command(command: Any, callback: Callable[..., Any]) -> Command:
    types = get_type_hints(callback)
    options = [each for each in command.params if each.param_type_name == "option"]
    arguments = [each for each in command.params if each.param_type_name == "argument"]
    return Command(
        help=_line(command.help),
        options=(*(_option(each, types[each.name]) for each in options), _HELP),
        arguments=tuple(Argument(each.name, _choices(types[each.name])) for each in arguments),
    )


def _option(option: Any, type_: object) -> Option:
    return Option(
        names=tuple(sorted((*option.opts, *option.secondary_opts), key=len, reverse=True)),
        help=_line(option.help),
        takes_value=not (option.is_flag or option.count),
        repeatable=bool(option.multiple),
        choices=_choices(type_),
    )


def _choices(type_: object) -> tuple[str, ...]:
    if not (isinstance(type_, type) and issubclass(type_, StrEnum)):
        return ()
    return tuple(each.value for each in type_)


def _line(text: str | None) -> str:
    return (text or "").strip().partition("\n")[0]
