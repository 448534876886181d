"""Arguments and options that the commands of `ibgu prepare` share."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from ibgu.cli import complete
from ibgu.cli.change.options import DryRun, Yes
from ibgu.cli.errors import MISUSED, fail
from ibgu.cli.read.options import Selector
from ibgu.cli.shared import SharedOptions


class PreparationForm(StrEnum):
    TEXT = "text"
    YAML = "yaml"


Names = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="[CLUSTER]...",
        help="The clusters, or --selector.",
        show_default=False,
        autocompletion=complete.clusters,
    ),
]
Timeout = Annotated[
    float,
    typer.Option("--timeout", min=1, max=3600, help="Seconds to wait for each cluster's answers."),
]
Files = Annotated[
    PreparationForm,
    typer.Option(
        "--output", "-o", help="yaml: print the objects for Git and a policy, and change nothing."
    ),
]

Bucket = Annotated[
    str, typer.Option("--bucket", help="The S3 bucket of all clusters.", show_default=False)
]
Region = Annotated[
    str, typer.Option("--region", help="Its region, or the name that the storage has for it.")
]
StorageUrl = Annotated[
    str,
    typer.Option("--url", help="The storage, as https://s3.example.com:9000.", show_default=False),
]
CredentialsFile = Annotated[
    Path | None,
    typer.Option(
        "--credentials",
        metavar="FILE",
        help="Credentials in AWS's format.",
        show_default=False,
    ),
]
CredentialsSecret = Annotated[
    str,
    typer.Option(
        "--secret",
        metavar="NAMESPACE/NAME",
        help="Secret on the hub with the credentials under the key cloud.",
        show_default=False,
    ),
]
Profile = Annotated[str, typer.Option("--profile", help="Section of the credentials.")]
StorageCa = Annotated[
    Path | None,
    typer.Option(
        "--storage-ca",
        metavar="FILE",
        help="CA certificate (PEM) of the storage; default: the system's.",
        show_default=False,
    ),
]
SkipTlsVerify = Annotated[
    bool,
    typer.Option("--insecure-skip-tls-verify", help="Do not verify the storage's certificate."),
]


class PrepareOptions(SharedOptions, frozen=True, kw_only=True):
    """PrepareOptions holds how clusters are prepared; which ones are arguments besides."""

    selector: Selector = ""
    dry_run: DryRun = False
    yes: Yes = False
    timeout: Timeout = 120
    output: Files = PreparationForm.TEXT


def require_clusters(names: list[str] | None, selector: str) -> list[str]:
    """Returns the names, each once; ends the command unless there is one or the selector."""
    found = list(dict.fromkeys(names or ()))
    if bool(found) == bool(selector):
        fail("name the clusters, or select them with --selector", MISUSED)
    return found
