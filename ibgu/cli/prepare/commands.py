"""The commands of `ibgu prepare` that change clusters."""

from enum import StrEnum
from typing import Annotated

import typer

from ibgu.cli.errors import MISUSED, fail
from ibgu.cli.prepare.options import (
    Bucket,
    CredentialsFile,
    CredentialsSecret,
    Names,
    PreparationForm,
    PrepareOptions,
    Profile,
    Region,
    SkipTlsVerify,
    StorageCa,
    StorageUrl,
)

_NO_ROLLBACK = (
    "After such a failure the cluster stays as it is, and may be out of reach until somebody acts "
    "on its site."
)


class OperatorName(StrEnum):
    LIFECYCLE_AGENT = "lifecycle-agent"
    OADP = "oadp"


class InstallPlanApproval(StrEnum):
    AUTOMATIC = "Automatic"
    MANUAL = "Manual"


class Trigger(StrEnum):
    POST_REBOOT_CONFIG = "post-reboot-config"
    UPGRADE_COMPLETION = "upgrade-completion"
    INIT_MONITOR = "init-monitor"


def operators(
    names: Names = None,
    only: Annotated[
        OperatorName | None,
        typer.Option("--only", help="Install one of the two operators.", show_default=False),
    ] = None,
    lifecycle_agent_channel: Annotated[
        str, typer.Option("--lifecycle-agent-channel", help="Channel of its Subscription.")
    ] = "stable",
    oadp_channel: Annotated[
        str, typer.Option("--oadp-channel", help="Channel of its Subscription.")
    ] = "stable-1.4",
    source: Annotated[
        str, typer.Option("--source", help="CatalogSource of both.")
    ] = "redhat-operators",
    source_namespace: Annotated[
        str, typer.Option("--source-namespace", help="Its namespace.")
    ] = "openshift-marketplace",
    approval: Annotated[
        InstallPlanApproval, typer.Option("--approval", help="Approval of InstallPlans.")
    ] = InstallPlanApproval.AUTOMATIC,
    *,
    options: PrepareOptions,
) -> None:
    """Install the Lifecycle Agent and OADP where they are missing."""
    from ibgu.cli.prepare.run import run
    from ibgu.core.drivers.ibu.preflight.metadata import is_object_name
    from ibgu.core.drivers.ibu.preparation import (
        LIFECYCLE_AGENT,
        OADP,
        Catalog,
        OperatorsPreparation,
    )

    wanted = []
    for operator, name, channel in (
        (LIFECYCLE_AGENT, OperatorName.LIFECYCLE_AGENT, lifecycle_agent_channel),
        (OADP, OperatorName.OADP, oadp_channel),
    ):
        if only in (None, name):
            if fault := operator.channel_fault(channel):
                fail(f"--{name}-channel: {fault}", MISUSED)
            wanted.append((operator, channel))
    for option, given in (("--source", source), ("--source-namespace", source_namespace)):
        if not is_object_name(given):
            fail(f"{option}: {given!r} isn't the name of an object", MISUSED)
    catalog = Catalog(source, source_namespace, approval.value)
    preparation = OperatorsPreparation(tuple(wanted), catalog)
    run(names, options, lambda _: preparation)


def dpa(
    names: Names = None,
    bucket: Bucket = "",
    region: Region = "minio",
    url: StorageUrl = "",
    credentials: CredentialsFile = None,
    secret: CredentialsSecret = "",
    profile: Profile = "default",
    storage_ca: StorageCa = None,
    insecure_skip_tls_verify: SkipTlsVerify = False,
    *,
    options: PrepareOptions,
) -> None:
    """Set up OADP's backup storage, with a prefix for each cluster."""
    from ibgu.cli.content.files import text_of
    from ibgu.cli.prepare.credentials import read_credentials
    from ibgu.cli.prepare.run import run
    from ibgu.core.drivers.ibu.preparation import BackupPreparation, BackupStorage

    certificate = text_of(storage_ca).encode() if storage_ca else b""
    storage = BackupStorage(bucket, region, url, profile, certificate, insecure_skip_tls_verify)
    for fault in storage.faults():
        fail(fault, MISUSED)
    content = b""
    if options.output is PreparationForm.YAML:
        note = "the Secret cloud-credentials is not printed: credentials do not belong into Git"
        typer.echo(f"ibgu: {note}", err=True)
    else:
        content = read_credentials(credentials, secret, profile)
    run(names, options, lambda cluster: BackupPreparation(cluster, storage, content))


def cleanup(
    names: Names = None,
    threshold: Annotated[
        int | None,
        typer.Option(
            "--threshold",
            min=1,
            max=100,
            help="Percentage of the disk above which Prep deletes images that are not in use.",
            show_default=False,
        ),
    ] = None,
    disable: Annotated[bool, typer.Option("--disable", help="Prep deletes no images.")] = False,
    default: Annotated[
        bool, typer.Option("--default", help="Remove both settings: 50 percent, in Prep.")
    ] = False,
    *,
    options: PrepareOptions,
) -> None:
    """Set the limits of the image clean-up in Prep."""
    from ibgu.cli.prepare.run import run
    from ibgu.core.drivers.ibu import preparation

    if (threshold is not None) + disable + default != 1:
        fail("specify one of --threshold, --disable and --default", MISUSED)
    wanted = preparation.cleanup(threshold, disabled=disable)
    run(names, options, lambda _: wanted)


def auto_rollback(
    names: Names = None,
    disable: Annotated[
        list[Trigger] | None,
        typer.Option(
            "--disable",
            metavar="TRIGGER",
            help="post-reboot-config, upgrade-completion or init-monitor; repeatable.",
            show_default=False,
        ),
    ] = None,
    default: Annotated[
        bool, typer.Option("--default", help="Clusters roll back after every such failure.")
    ] = False,
    *,
    options: PrepareOptions,
) -> None:
    """Choose after which failures clusters roll back automatically."""
    from ibgu.cli.prepare.run import run
    from ibgu.core.drivers.ibu import preparation

    if bool(disable) == default:
        fail("specify --disable or --default", MISUSED)
    triggers = [preparation.RollbackTrigger(each) for each in disable or ()]
    wanted = preparation.auto_rollback(triggers)
    run(names, options, lambda _: wanted, _NO_ROLLBACK if triggers else "")
