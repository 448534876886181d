"""Groups the commands for `ibgu --help`, in the order in which a person meets them."""

import re
from enum import StrEnum
from typing import Any, NoReturn

import typer
from typer.core import TyperArgument, TyperCommand, TyperGroup, TyperOption

from ibgu import invalid
from ibgu.cli.errors import fail


class Panel(StrEnum):
    LOOK = "Look"
    CHANGE = "Change"
    PREPARE = "Prepare"
    CHECK = "Check"
    RUN = "Run"
    SET_UP = "Set up this machine"


class PlainCommand(TyperCommand):
    """PlainCommand names arguments as other commands do: `NAME`, not `{name} <str>`."""

    def __init__(self, *args: Any, **given: Any) -> None:
        super().__init__(*args, **given)
        for each in self.params:
            if isinstance(each, TyperArgument | TyperOption) and _unnamed(each):
                each.metavar = str(each.name).replace("_", "-").upper()

    def collect_usage_pieces(self, ctx: Any) -> list[str]:
        return [piece.translate(_NO_BRACES) for piece in super().collect_usage_pieces(ctx)]

    def format_options(self, ctx: Any, formatter: Any) -> None:
        sections: dict[str, list[tuple[str, str]]] = {"Arguments": [], "Options": []}
        for each in self.get_params(ctx):
            if record := each.get_help_record(ctx):
                name, help_text = record
                if isinstance(each, TyperArgument):
                    sections["Arguments"].append((_TYPE.sub("", name), help_text))
                else:
                    sections["Options"].append(record)
        for title, rows in sections.items():
            if rows:
                with formatter.section(title):
                    formatter.write_dl(rows)


_NO_BRACES = str.maketrans("", "", "{}")
_TYPE = re.compile(r" <(list\[)?(str|int|path|Path)\]?>$")


def _unnamed(parameter: TyperArgument | TyperOption) -> bool:
    """Returns whether no value is named: flags take none, and choices are shown themselves."""
    if parameter.metavar is not None:
        return False
    if isinstance(parameter, TyperArgument):
        return True
    return not (parameter.is_flag or parameter.count or parameter.type_descriptor.is_choice)


class PlainGroup(TyperGroup):
    """PlainGroup lists its commands by their panels, as plain text: it is read in pipes and logs
    too."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except ModuleNotFoundError as error:
            _require_ibgu_itself(error)
        except typer.BadParameter as error:
            if isinstance(error.__cause__, Exception) and hasattr(error.__cause__, "errors"):
                error.message = invalid.sentence(error.__cause__.errors()[0])
            raise

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        commands = [(name, self.get_command(ctx, name)) for name in self.list_commands(ctx)]
        width = max(len(name) for name, _ in commands)
        for panel in Panel:
            rows = [
                (f"{name:<{width}}", command.get_short_help_str(90))
                for name, command in commands
                if command is not None and _panel(command) == panel
            ]
            if rows:
                with formatter.section(panel):
                    formatter.write_dl(rows)


def _require_ibgu_itself(missing: ModuleNotFoundError) -> NoReturn:
    """Ends the command in the single file for laptops, which has only the packages of the asking
    commands."""
    package = (missing.name or "").partition(".")[0]
    if package in ("", "ibgu"):
        raise missing
    fail(
        f"this command needs the package {package}, which the single-file CLI does not "
        "contain. Run it in ibgu's image, or install ibgu with pip"
    )


def _panel(command: Any) -> str:
    return str(command.rich_help_panel)
