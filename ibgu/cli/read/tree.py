"""`ibgu tree`."""

from functools import partial
from typing import Annotated

import typer

from ibgu.cli.read.options import Namespace, RestOptions, Rollout
from ibgu.cli.show.form import Form, Output, print_body


def tree(
    name: Rollout,
    namespace: Namespace = "",
    watch: Annotated[bool, typer.Option("--watch", "-w", help="Refresh until Ctrl-C.")] = False,
    output: Output = Form.TEXT,
    *,
    rest: RestOptions,
) -> None:
    """Show all steps of a rollout and, below each, its clusters by where they stand."""
    from ibgu.cli.read import polling
    from ibgu.cli.read.asking import asking
    from ibgu.cli.read.status import see, text_alone
    from ibgu.cli.show.output_style import page, stdout
    from ibgu.cli.show.tree import body_of, tree_lines

    text_alone(output, watch=watch)
    with asking():
        target = rest.target(namespace)
        client, where = target.client(), target.in_namespace()
        poll = partial(see, client, where, name)
        if watch:
            polling.watch(poll, tree_lines)
        elif output is Form.TEXT:
            typer.echo(page(tree_lines(poll(), stdout())))
        else:
            print_body(body_of(poll()), output)
