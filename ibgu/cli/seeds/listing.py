"""`ibgu seed list` and `ibgu seed show`."""

from typing import Annotated

import typer

from ibgu.cli import complete
from ibgu.cli.read.options import RestOptions
from ibgu.cli.read.output import Listing, ListOutput
from ibgu.cli.show.form import Form, Output, print_body

Results = Annotated[
    str,
    typer.Option(
        "--namespace",
        "-n",
        help="Only results of rollouts in this namespace; default: all that you may see.",
        show_default=False,
        autocompletion=complete.namespaces,
    ),
]


def list_seeds(
    namespace: Results = "", output: Listing = ListOutput.TABLE, *, rest: RestOptions
) -> None:
    """List the catalogue, and images that rollouts use without an entry."""
    from ibgu.cli.read.asking import asking
    from ibgu.cli.read.output import lines
    from ibgu.cli.show.seeds import notes, seeds_table

    with asking():
        found = rest.target().client().seed_images(namespace=namespace or None)
        if output in (ListOutput.JSON, ListOutput.YAML):
            print_body(found, output)
        elif output is ListOutput.NAME:
            lines(f"seedimage/{each.name}" for each in found.items if each.name)
        else:
            if found.items:
                lines(seeds_table(found.items, wide=output is ListOutput.WIDE))
            for line in notes(found):
                typer.echo(line, err=True)


def show_seed(
    name: Annotated[str, typer.Argument(help="The SeedImage's name.", show_default=False)],
    namespace: Results = "",
    output: Output = Form.TEXT,
    *,
    rest: RestOptions,
) -> None:
    """Show an entry of the catalogue, and what became of its clusters."""
    from ibgu.cli.read.asking import asking
    from ibgu.cli.show.output_style import page, stdout
    from ibgu.cli.show.seeds import seed_lines

    with asking():
        found = rest.target().client().seed_image(name, namespace=namespace or None)
        if output is Form.TEXT:
            typer.echo(page(seed_lines(found, stdout())))
        else:
            print_body(found, output)
