"""Determines what a half-typed command line asks for."""

from collections.abc import Iterator, Mapping, Sequence

from msgspec import Struct


class Option(Struct, frozen=True):
    names: tuple[str, ...]
    """With their dashes."""
    help: str = ""
    takes_value: bool = False
    repeatable: bool = False
    choices: tuple[str, ...] = ()


class Argument(Struct, frozen=True):
    """Argument is positional."""

    name: str
    choices: tuple[str, ...] = ()


class Command(Struct, frozen=True):
    help: str = ""
    options: tuple[Option, ...] = ()
    arguments: tuple[Argument, ...] = ()
    """The last one stands for all that follow."""

    def option(self, word: str) -> Option | None:
        return next((each for each in self.options if word in each.names), None)


class CompletionItem(Struct, frozen=True):
    word: str
    help: str = ""


class Slot(Struct, frozen=True):
    """Slot is a requested value: of an option (`--namespace`), or of an argument (`cluster`)."""

    name: str
    typed: str
    """How it begins."""
    before: str = ""
    """What is typed before it in the same word, `--namespace=`."""
    given: tuple[str, ...] = ()
    """Arguments before it."""
    values: Mapping[str, str] = {}
    """Of options that are given: long name -> value."""


def asked(
    commands: Mapping[str, Command], words: Sequence[str]
) -> tuple[list[CompletionItem], Slot | None]:
    """Returns candidates that are known at once, and the value that has to be looked up, if any.
    `words` come without the program's name; the last one is half typed, or empty."""
    *done, typed = words or [""]
    if not done:
        found = [CompletionItem(name, command.help) for name, command in commands.items()]
        return _beginning(found, typed), None
    command = commands.get(done[0])
    return _in_command(command, done[1:], typed) if command else ([], None)


def _in_command(
    command: Command, done: Sequence[str], typed: str
) -> tuple[list[CompletionItem], Slot | None]:
    given, values, open_option = _read(command, done)
    name, equals, begun = typed.partition("=")
    if open_option is None and equals and (option := command.option(name)):
        slot = Slot(option.names[0], begun, f"{name}=", given, values)
        return _value(option.choices, slot)
    if open_option is not None:
        slot = Slot(open_option.names[0], typed, "", given, values)
        return _value(open_option.choices, slot)
    if typed.startswith("-"):
        return _beginning(list(_options(command, done)), typed), None
    if not command.arguments:
        return [], None
    argument = command.arguments[min(len(given), len(command.arguments) - 1)]
    return _value(argument.choices, Slot(argument.name, typed, "", given, values))


def _read(
    command: Command, done: Sequence[str]
) -> tuple[tuple[str, ...], dict[str, str], Option | None]:
    """Returns arguments, values of options, and the option that waits for its value."""
    given: list[str] = []
    values: dict[str, str] = {}
    waiting: Option | None = None
    for word in done:
        name, equals, value = word.partition("=")
        option = command.option(name)
        if waiting is not None:
            values[waiting.names[0]] = word
            waiting = None
        elif option is not None and equals:
            values[option.names[0]] = value
        elif option is not None:
            waiting = option if option.takes_value else None
        elif not word.startswith("-"):
            given.append(word)
    return tuple(given), values, waiting


def _value(choices: Sequence[str], slot: Slot) -> tuple[list[CompletionItem], Slot | None]:
    """Returns the choices, or a slot to look up if there are none."""
    found = _beginning([CompletionItem(choice) for choice in choices], slot.typed)
    return [CompletionItem(slot.before + each.word) for each in found], None if choices else slot


def _options(command: Command, done: Sequence[str]) -> Iterator[CompletionItem]:
    for option in command.options:
        if option.repeatable or not any(name in done for name in option.names):
            yield from (CompletionItem(name, option.help) for name in option.names)


def _beginning(found: list[CompletionItem], typed: str) -> list[CompletionItem]:
    return [each for each in found if each.word.startswith(typed)]
