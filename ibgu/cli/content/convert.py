"""`ibgu convert`: a FleetUpdate of TALM's ClusterGroupUpgrade."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ibgu.cli.content.options import PackedFile
from ibgu.cli.errors import MISUSED, fail

if TYPE_CHECKING:
    from ibgu.core.model.document import Document
    from ibgu.core.model.kinds import JsonObject

Given = Annotated[
    list[Path],
    typer.Option(
        "--file",
        "-f",
        metavar="FILE",
        help="The ClusterGroupUpgrade and its policies; repeatable, - reads the input.",
        show_default=False,
    ),
]


FromHub = Annotated[
    bool,
    typer.Option(
        "--hub", help="Read policies that no file has from the hub, with your kubeconfig's rights."
    ),
]


JobImage = Annotated[
    str,
    typer.Option(
        "--job-image",
        metavar="IMAGE",
        help="Image, by digest, of the Jobs that take backups and pull images ahead.",
        show_default=False,
    ),
]


def convert(
    files: Given, output: PackedFile = None, job_image: JobImage = "", *, hub: FromHub = False
) -> None:
    """Make a FleetUpdate of TALM's ClusterGroupUpgrade; nothing is applied."""
    import yaml

    from ibgu.cli.content.files import files_of, text_of, write
    from ibgu.core.drivers.cluster_version.conversion import (
        CGU_KIND,
        NotConvertible,
        managed_policies,
    )
    from ibgu.core.drivers.cluster_version.conversion import convert as converted
    from ibgu.documents import read

    documents = [each for path in files_of(files) for each in read(text_of(path), str(path))]
    objects = list(_objects(documents))
    cgus = [each for each in objects if each.get("kind") == CGU_KIND]
    if len(cgus) != 1:
        fail(f"the files have {len(cgus)} objects of kind {CGU_KIND}: give exactly one", MISUSED)
    policies = [each for each in objects if each.get("kind") == "Policy"]
    if hub:
        policies += _of_hub(managed_policies(cgus[0]), policies)
    try:
        found = converted(cgus[0], policies, job_image)
    except NotConvertible as error:
        fail(f"not converted: {error}")
    text = yaml.safe_dump(found.fleet_update, sort_keys=False, allow_unicode=True, width=2**20)
    write(text, output)
    for words in found.left:
        typer.echo(f"ibgu: left out: {words}", err=True)


def _of_hub(managed: Sequence[str], given: "Sequence[JsonObject]") -> "list[JsonObject]":
    """Returns the managed policies that are not given; ends the command if one is not on the
    hub."""
    from ibgu.cli.content.from_hub import policies_of_hub

    missing = set(managed) - set(map(_name, given))
    found = policies_of_hub(missing) if missing else []
    if left := sorted(missing.difference(map(_name, found))):
        fail(f"not converted: neither the files nor the hub have the policy {', '.join(left)}")
    return found


def _name(policy: "JsonObject") -> str:
    metadata = policy.get("metadata")
    return str(metadata.get("name")) if isinstance(metadata, dict) else ""


def _objects(documents: "Sequence[Document]") -> "Iterator[JsonObject]":
    """Yields the objects, and those of a List, as `oc get policies -o yaml` prints one."""
    for each in documents:
        if each.problem:
            fail(f"{each.file}:{each.line}: {each.problem}")
        items = each.get("items")
        if each.kind == "List" and isinstance(items, list):
            yield from (item for item in items if isinstance(item, dict))
        else:
            yield each.body
