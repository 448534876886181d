"""`ibgu login`, `ibgu logout`."""

from typing import Annotated

import typer

from ibgu.cli.read.options import CaFile


def login(
    server: Annotated[
        str,
        typer.Option(
            "--server",
            help="Address of ibgu's REST API; else that of its Route or Ingress on the hub.",
            show_default=False,
        ),
    ] = "",
    namespace: Annotated[
        str,
        typer.Option(
            "--namespace", "-n", help="In which ibgu is installed; else all.", show_default=False
        ),
    ] = "",
    ca_file: CaFile = "",
) -> None:
    """Find ibgu's REST API through the kubeconfig, and remember it for its current context."""
    import asyncio
    from pathlib import Path

    from ibgu.cli.login import kept
    from ibgu.cli.login.find import find
    from ibgu.cli.read.asking import asking
    from ibgu.cli.rest.kubeconfig import current
    from ibgu.cli.rest.target import Target

    with asking():
        address = server or _only(asyncio.run(find(namespace)))
        trusted = str(Path(ca_file).resolve()) if ca_file else ""
        context = current().context
        who = Target(address, "", trusted).client().whoami()
        kept.keep(context, kept.Login(address, trusted))
    typer.echo(f"{address}: logged in as {who.username}, for the context {context or 'of no name'}")


def _only(found: list[str]) -> str:
    from ibgu.client import RestError

    if not found:
        raise RestError(
            "the hub has no Route and no Ingress of ibgu that you may see; --server names the "
            "address, or --namespace where ibgu is installed"
        )
    if len(found) > 1:
        raise RestError(f"there are several; choose one with --server: {', '.join(found)}")
    return found[0]


def logout() -> None:
    """Forget the REST API that `ibgu login` has found for the kubeconfig's current context."""
    from ibgu.cli.login import kept
    from ibgu.cli.read.asking import asking
    from ibgu.cli.rest.kubeconfig import current

    with asking():
        context = current().context
        was = kept.forget(context)
    named = f"the context {context or 'of no name'}"
    typer.echo(f"{was.server} is forgotten for {named}" if was else f"nothing is kept for {named}")
