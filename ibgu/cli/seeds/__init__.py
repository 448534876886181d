"""`ibgu seed`: the catalogue of seed images."""

import typer

from ibgu.cli.examples import epilog
from ibgu.cli.groups import PlainCommand
from ibgu.cli.seeds.listing import list_seeds, show_seed
from ibgu.cli.shared import expanded

seed = typer.Typer(no_args_is_help=True, rich_markup_mode=None, epilog=epilog("seed"))


@seed.callback()
def group() -> None:
    """List seed images with their results, and make new ones."""


for _name, _command in (("list", list_seeds), ("show", show_seed)):
    _add = seed.command(_name, cls=PlainCommand, epilog=epilog(f"seed {_name}"))
    _add(expanded(_command))
