"""`ibgu seed add` and `ibgu seed generate`."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated

import typer

from ibgu.cli import complete
from ibgu.cli.errors import FAILED, MISUSED, fail
from ibgu.cli.read.options import RestOptions
from ibgu.cli.seeds.options import (
    AgentVersion,
    ClusterLabels,
    ImageByDigest,
    MadeAt,
    MadeFrom,
    OadpVersion,
    Profile,
    Release,
    SeedName,
)

_PUSHED = re.compile(r"[a-z0-9][a-z0-9._:-]*(/[a-z0-9][a-z0-9._-]*)+:[A-Za-z0-9_][A-Za-z0-9_.-]*")


def add_seed(
    name: SeedName,
    image: ImageByDigest,
    release: Release,
    cluster: MadeFrom = "",
    profile: Profile = None,
    cluster_label: ClusterLabels = None,
    lifecycle_agent: AgentVersion = "",
    oadp: OadpVersion = "",
    time: MadeAt = "",
) -> None:
    """Print the entry of a seed image, for kubectl apply."""
    from ibgu.cli.show.form import as_yaml
    from ibgu.core.drivers.ibu.preflight.metadata import is_object_name
    from ibgu.core.drivers.ibu.preflight.releases import parsed
    from ibgu.core.model.seed_image import digest

    if not is_object_name(name):
        fail(f"{name!r} isn't a valid name of a SeedImage, such as du-r750-4.17.3", MISUSED)
    if not digest(image):
        fail("--image: name the image by its digest: registry/repository@sha256:…", MISUSED)
    if parsed(release) is None:
        fail(f"--release: {release!r} isn't a release such as 4.17.3", MISUSED)
    origin = {"cluster": cluster, "lifecycleAgent": lifecycle_agent, "oadp": oadp, "time": time}
    spec = {
        "image": image,
        "release": release,
        "profile": _pairs("--profile", "KEY=VALUE", profile or ()),
        "clusterLabels": _pairs("--cluster-label", "KEY=LABEL", cluster_label or ()),
        "generatedFrom": {key: value for key, value in origin.items() if value},
    }
    body = {
        "apiVersion": "ibgu.dev/v1alpha1",
        "kind": "SeedImage",
        "metadata": {"name": name},
        "spec": {key: value for key, value in spec.items() if value},
    }
    typer.echo(as_yaml(body))


def _pairs(option: str, form: str, given: Sequence[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for each in given:
        key, equals, value = each.partition("=")
        if not (key and equals and value):
            fail(f"{option}: write {form} instead of {each!r}", MISUSED)
        found[key] = value
    return found


def generate_seed(
    cluster: Annotated[
        str,
        typer.Option(
            "--cluster",
            help="The cluster to make the seed from.",
            show_default=False,
            autocompletion=complete.clusters,
        ),
    ],
    image: Annotated[
        str,
        typer.Option(
            "--image",
            help="Where to push it, as registry.example.com/seeds/du:4.17.3.",
            show_default=False,
        ),
    ],
    output: Annotated[
        Path,
        typer.Option(
            "--output", "-o", metavar="DIR", help="New directory for the files.", show_default=False
        ),
    ],
    name: Annotated[
        str,
        typer.Option("--name", help="Name in the catalogue; default: CLUSTER-RELEASE."),
    ] = "",
    force: Annotated[
        bool, typer.Option("--force", help="Write the files even if a check found an error.")
    ] = False,
    *,
    rest: RestOptions,
) -> None:
    """Check a cluster, and write the files to make a seed on its site."""
    from ibgu.cli.read.asking import asking
    from ibgu.cli.show.output_style import page, stdout
    from ibgu.cli.show.seeds import check_lines
    from ibgu.core.drivers.ibu.preflight.metadata import is_object_name
    from ibgu.core.drivers.ibu.seeds import SeedRequest, site_files

    if name and not is_object_name(name):
        fail(f"--name: {name!r} isn't a valid name of a SeedImage, such as du-r750-4.17.3", MISUSED)
    if not _PUSHED.fullmatch(image):
        fail(f"--image: {image!r} isn't registry/repository:tag", MISUSED)
    if output.exists():
        fail(f"{output}: exists already; name a new directory", MISUSED)
    with asking():
        found = rest.target().client().seed_candidate(cluster)
        typer.echo(page(check_lines(found, stdout())))
    if any(each.outcome == "error" for each in found.checks) and not force:
        fail("nothing was written: correct the errors, or write the files with --force", FAILED)
    _write(output, site_files(SeedRequest.of(cluster, image, found.release, name)))
    typer.echo(f"wrote {output}: follow {output / 'README.md'}")


def _write(directory: Path, files: Mapping[str, str]) -> None:
    try:
        directory.mkdir(parents=True)
        for name, text in files.items():
            (directory / name).write_text(text, encoding="utf-8", newline="")
    except OSError as error:
        fail(f"{directory}: {error.strerror}", MISUSED)
