"""`ibgu prepare`: what clusters need before an image-based upgrade."""

from collections.abc import Callable

import typer

from ibgu.cli.examples import epilog
from ibgu.cli.groups import PlainCommand
from ibgu.cli.prepare.commands import auto_rollback, cleanup, dpa, operators
from ibgu.cli.prepare.partition import partition
from ibgu.cli.prepare.status import status
from ibgu.cli.shared import expanded

prepare = typer.Typer(no_args_is_help=True, rich_markup_mode=None, epilog=epilog("prepare"))


@prepare.callback()
def group() -> None:
    """Bring clusters what they need before an upgrade, with your rights on the hub."""


_COMMANDS: dict[str, Callable[..., None]] = {
    "operators": operators,
    "dpa": dpa,
    "cleanup": cleanup,
    "auto-rollback": auto_rollback,
    "status": status,
    "partition": partition,
}
for _name, _command in _COMMANDS.items():
    _add = prepare.command(_name, cls=PlainCommand, epilog=epilog(f"prepare {_name}"))
    _add(expanded(_command))
