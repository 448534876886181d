"""Implements the command."""

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ibgu.cli.errors import MISUSED, fail
from ibgu.cli.read.options import Namespace, RestOptions, Rollout

if TYPE_CHECKING:
    from ibgu.cli.collect.bundle import Bundle


def collect(
    name: Rollout,
    namespace: Namespace = "",
    output: Annotated[
        str,
        typer.Option(
            "--output",
            "-o",
            help="Output file; default: ibgu-NAME-TIME.tgz in the current directory.",
            show_default=False,
        ),
    ] = "",
    gathered: Annotated[
        Path | None,
        typer.Option(
            "--gathered",
            metavar="DIR",
            help="Folder of `ibgu gather` whose logs are packed too.",
            show_default=False,
        ),
    ] = None,
    *,
    rest: RestOptions,
) -> None:
    """Pack all that helps to understand a rollout into one file, secrets removed."""
    import asyncio
    from tempfile import TemporaryDirectory

    from ibgu.cli.collect.bundle import Bundle
    from ibgu.cli.collect.from_gather import from_gather
    from ibgu.cli.collect.from_hub import from_hub
    from ibgu.cli.collect.from_rest import from_process, from_rest
    from ibgu.cli.read.asking import asking

    now = datetime.now(UTC)
    path = Path(output or f"ibgu-{name}-{now:%Y%m%d-%H%M%S}.tgz")
    if path.exists():
        fail(f"{path} already exists: choose another name with -o, or remove the file")
    if gathered is not None and not gathered.is_dir():
        fail(f"--gathered: {gathered} isn't a folder", MISUSED)
    with asking(), TemporaryDirectory(prefix="ibgu-collect-") as folder:
        target = rest.target(namespace)
        where = target.in_namespace()
        bundle = Bundle(Path(folder), [*target.secrets(), *_passwords()])
        rest_rollout = from_rest(bundle, target.client(), where, name)
        from_process(bundle, rest.server, rest.ca_file)
        hub_uid = asyncio.run(from_hub(bundle, rest_rollout, _home()))
        if gathered is not None:
            from_gather(bundle, gathered)
        _doctor(bundle, where)
        about = {"rollout": f"{where}/{name}", "server": rest.server}
        hubs = {"hub": rest_rollout.hub, "hubOfKubeconfig": hub_uid or None}
        bundle.one("about.json", {"collectedAt": now, **about, **hubs, **_versions()})
        _pack(bundle, path)
    for line in bundle.missing:
        typer.echo(f"ibgu: not collected: {line}", err=True)
    typer.echo(path)


def _passwords() -> list[str]:
    """Returns the passwords in DATABASE_URL, escaped and plain."""
    import os
    from urllib.parse import unquote, urlsplit

    try:
        password = urlsplit(os.environ.get("DATABASE_URL", "")).password or ""
    except ValueError:
        return []
    return [password, unquote(password)]


def _home() -> str:
    """Returns the namespace where ibgu runs; `doctor` reports problems of other settings."""
    from ibgu.settings import Settings, SettingsError, read_settings

    try:
        return read_settings().namespace
    except SettingsError:
        return str(Settings.model_fields["namespace"].default)


def _doctor(bundle: "Bundle", namespace: str) -> None:
    """Runs doctor for the user's own needs; if DATABASE_URL is set, for ibgu's."""
    import asyncio

    from ibgu.cli.doctor.examine import examine
    from ibgu.cli.doctor.probe_hub import AccessQuestion
    from ibgu.cli.doctor.show import body_of
    from ibgu.settings import SettingsError, read_settings

    try:
        settings = read_settings()
    except SettingsError as error:
        bundle.failed("doctor.json", str(error))
        return
    ask = AccessQuestion(user=not settings.database_url, namespace=namespace)
    bundle.one("doctor.json", body_of(asyncio.run(examine(settings, ask))))


def _versions() -> dict[str, str]:
    import platform
    from importlib.metadata import version

    return {
        "ibgu": version("ibgu"),
        "python": platform.python_version(),
        "platform": platform.platform(),
    }


def _pack(bundle: "Bundle", path: Path) -> None:
    try:
        bundle.pack(path)
    except OSError as error:
        fail(f"can't write {path}: {error.strerror}")
