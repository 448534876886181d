"""`ibgu seed`: the catalogue of seed images."""

from collections.abc import Callable

import typer

from ibgu.cli.examples import epilog
from ibgu.cli.groups import PlainCommand
from ibgu.cli.seeds.listing import list_seeds, show_seed
from ibgu.cli.seeds.making import add_seed, generate_seed
from ibgu.cli.shared import expanded

seed = typer.Typer(no_args_is_help=True, rich_markup_mode=None, epilog=epilog("seed"))


@seed.callback()
def group() -> None:
    """List seed images with their results, and make new ones."""


_COMMANDS: dict[str, Callable[..., None]] = {
    "list": list_seeds,
    "show": show_seed,
    "generate": generate_seed,
    "add": add_seed,
}
for _name, _command in _COMMANDS.items():
    _add = seed.command(_name, cls=PlainCommand, epilog=epilog(f"seed {_name}"))
    _add(expanded(_command))
