"""Shows all rollouts at once."""

from functools import partial

import typer

from ibgu.cli.read import polling
from ibgu.cli.rest.target import RestTarget
from ibgu.cli.show.form import Form, print_body
from ibgu.cli.show.output_style import page, stdout
from ibgu.cli.show.overview import Overview, body_of, overview_lines
from ibgu.client import Client

_PRESENT = ("pending", "running", "complete")
"""All states but `deleted`: what kubectl would show."""
_MAX_ROLLOUTS = 500
"""The most rollouts that one answer has."""


def overview(target: RestTarget, output: Form, *, watch: bool) -> None:
    """Shows the overview of all namespaces that the user may see, or of the given one. Raises
    RestError."""
    poll = partial(_poll, target.client(), target.namespace or None)
    if watch:
        polling.watch(poll, overview_lines)
    elif output is Form.TEXT:
        typer.echo(page(overview_lines(poll(), stdout())))
    else:
        print_body(body_of(poll()), output)


def _poll(client: Client, namespace: str | None) -> Overview:
    """Returns one answer about all rollouts: more pages would be of other moments."""
    found = client.rollouts_page(
        state=_PRESENT, limit=_MAX_ROLLOUTS, needs_person=True, namespace=namespace
    )
    return Overview(found, client.leadership())
