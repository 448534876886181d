"""`ibgu login`, `ibgu logout`."""

from typing import Annotated

import typer

from ibgu.cli.read.options import CaFile


def login(
    server: Annotated[
        str,
        typer.Option(
            "--server",
            help="Address of ibgu's REST API; default: its Route or Ingress on the hub.",
            show_default=False,
        ),
    ] = "",
    namespace: Annotated[
        str,
        typer.Option(
            "--namespace",
            "-n",
            help="Namespace in which ibgu is installed; default: ibgu-system.",
            show_default=False,
        ),
    ] = "",
    ca_file: CaFile = "",
) -> None:
    """Find ibgu's REST API through the kubeconfig, and remember it for its current context."""
    import asyncio
    import os
    from pathlib import Path

    from ibgu.cli.login.find import DEFAULT_NAMESPACE, find
    from ibgu.cli.read.asking import asking
    from ibgu.cli.rest import logins
    from ibgu.cli.rest.kubeconfig import current
    from ibgu.cli.rest.target import RestTarget

    with asking():
        where = namespace or DEFAULT_NAMESPACE
        address = server or _only(asyncio.run(find(where)), where)
        trusted = str(Path(ca_file).resolve()) if ca_file else ""
        here = current()
        who = RestTarget(address, "", trusted).client().whoami()
        logins.save(here.context, logins.Login(address, trusted, here.hub))
    named = here.context or "of no name"
    typer.echo(f"{address}: logged in as {who.username}, for the context {named}")
    if os.environ.get("IBGU_TOKEN"):
        words = "IBGU_TOKEN is set: commands use that token, and its user; unset it to use this one"
        typer.echo(f"ibgu: {words}", err=True)


def _only(found: list[str], namespace: str) -> str:
    from ibgu.client import RestError

    if not found:
        raise RestError(
            f"namespace {namespace} has no Route or Ingress of ibgu with a host; use "
            "--namespace if ibgu is installed elsewhere, or --server to give its address"
        )
    if len(found) > 1:
        raise RestError(f"found several REST APIs; choose one with --server: {', '.join(found)}")
    return found[0]


def logout() -> None:
    """Forget the REST API that `ibgu login` has found for the kubeconfig's current context."""
    from ibgu.cli.read.asking import asking
    from ibgu.cli.rest import logins
    from ibgu.cli.rest.kubeconfig import current

    with asking():
        here = current()
        was = logins.remove(here.context, here.hub)
    named = f"the context {here.context or 'of no name'}"
    typer.echo(f"{was.server} is removed for {named}" if was else f"no login is stored for {named}")
