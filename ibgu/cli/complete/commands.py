"""Describes the commands for completion."""

from collections.abc import Callable
from enum import StrEnum
from typing import Any, get_type_hints

from typer.main import get_command

from ibgu.cli.complete.words import Argument, Command, Option

_HELP = Option(("--help", "-h"), "Show this message and exit.")


def commands() -> dict[str, Command]:
    from ibgu.cli.app import app

    return _commands(get_command(app), app)


def _commands(group: Any, source: Any) -> dict[str, Command]:
    callbacks = {_name(each): each.callback for each in source.registered_commands}
    groups = {each.name: each.typer_instance for each in source.registered_groups}
    return {
        name: _group(each, groups[name]) if name in groups else _command(each, callbacks[name])
        for name, each in group.commands.items()
        if not each.hidden
    }


def _group(group: Any, source: Any) -> Command:
    """Returns the group as a command whose first word is a subcommand; their options are offered
    together."""
    inner = _commands(group, source)
    options = {each: None for command in inner.values() for each in command.options}
    return Command(
        help=_line(group.help),
        options=tuple(options),
        arguments=(Argument("command", tuple(inner)),),
    )


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
