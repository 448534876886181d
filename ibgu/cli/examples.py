"""Holds examples: at least one line of each command and group, shown under its help."""

from collections.abc import Sequence

EXAMPLES: dict[str, Sequence[str]] = {
    "": ("ibgu status", "ibgu explain ran-417 site-0412", "ibgu stragglers ran-417"),
    "get": ("ibgu get", "ibgu get -A -o wide", "ibgu get ran-417 -o yaml"),
    "status": (
        "ibgu status",
        "ibgu status ran-417 -w",
        "ibgu status ran-417 -l region=north",
        "ibgu status ran-417 --wait --timeout 6h",
    ),
    "tree": ("ibgu tree ran-417",),
    "stragglers": (
        "ibgu stragglers ran-417",
        "ibgu stragglers ran-417 -l region=north",
        "ibgu stragglers ran-417 --cause PrecacheFailed -o yaml",
    ),
    "members": (
        "ibgu members ran-417 --state failed",
        "ibgu members ran-417 --step 2 -l 'region=north,ring in (1,2)'",
        "ibgu members ran-417 --cause PrecacheFailed -o name",
    ),
    "clusters": ("ibgu clusters -l region=north -o name",),
    "explain": ("ibgu explain ran-417 site-0412", "ibgu explain site-0412"),
    "recover": ("ibgu recover z-stream site-0412", "ibgu recover site-0412"),
    "history": ("ibgu history site-0412",),
    "works": ("ibgu works site-0412",),
    "events": (
        "ibgu events ran-417 -f --tail 20",
        "ibgu events ran-417 --warnings --since 2h",
        "ibgu events ran-417 --cluster site-0412",
    ),
    "collect": ("ibgu collect ran-417 -o ran-417.tgz",),
    "report": (
        "ibgu report ran-417 --by region",
        "ibgu report ran-417 -o csv",
        "ibgu report ran-417 --against default/ran-416",
    ),
    "preflight": (
        "ibgu preflight -f ran-417.yaml",
        "ibgu preflight ran-417 -o wide",
        "ibgu preflight -l region=north --target 4.17.3",
    ),
    "preview": (
        "ibgu preview -f ran-417.yaml",
        "ibgu preview ran-417 --append Upgrade --timeout 240",
    ),
    "add-step": (
        "ibgu add-step ran-417 Upgrade --timeout 240",
        "ibgu add-step ran-417 FinalizeUpgrade --yes",
    ),
    "pause": ("ibgu pause ran-417 --why 'the mirror is down'",),
    "resume": ("ibgu resume ran-417",),
    "skip": (
        "ibgu skip ran-417 site-0412 site-0413",
        "ibgu skip ran-417 --reason Unreachable --dry-run",
    ),
    "approve": (
        "ibgu approve ran-417",
        "ibgu approve ran-417 --step 3 --before FinalizeUpgrade --comment CHG-4711",
    ),
    "break-glass": (
        "ibgu break-glass ran-417 --gate RolloutPolicy/ran-nights --reason INC-7 --minutes 30",
    ),
    "retry": ("ibgu retry ran-417", "ibgu retry ran-417 --cause PrecacheFailed"),
    "finalize": ("ibgu finalize ran-417", "ibgu finalize ran-417 -l region=north --dry-run"),
    "cancel": (
        "ibgu cancel ran-417 --dry-run",
        "ibgu cancel ran-417 --waiting",
        "ibgu cancel ran-417 --failed --yes",
    ),
    "rollback": (
        "ibgu rollback ran-417 site-0412",
        "ibgu rollback ran-417 -l region=north",
        "ibgu rollback ran-417 --failed",
    ),
    "confirm-cleanup": (
        'ibgu confirm-cleanup ran-417 --reason "deleted the Backups"',
        'ibgu confirm-cleanup ran-417 --action Abort --reason "ostree undeploy"',
    ),
    "adopt": ("ibgu adopt ran-417",),
    "convert": (
        "ibgu convert -f cgu.yaml -f policies/ -o fleet-update.yaml",
        "ibgu convert -f cgu.yaml --hub",
    ),
    "oadp": ("ibgu oadp lint oadp/", "ibgu oadp pack oadp/ -o oadp-cm.yaml"),
    "oadp lint": (
        "ibgu oadp lint oadp/",
        "ibgu oadp lint oadp-cm.yaml --storage lvms -o json",
    ),
    "oadp pack": (
        "ibgu oadp pack oadp/ -o oadp-cm.yaml",
        "ibgu oadp pack oadp/ --name oadp-lvms --storage lvms",
    ),
    "oadp explain": ("ibgu oadp explain oadp/",),
    "manifests": ("ibgu manifests lint extra/", "ibgu manifests pack extra/ -o extra.yaml"),
    "manifests lint": ("ibgu manifests lint extra/ --target 4.17.2",),
    "manifests explain": ("ibgu manifests explain extra/",),
    "manifests pack": ("ibgu manifests pack extra/ --target 4.17.2 -o extra.yaml",),
    "policy": ("ibgu policy lint night.yaml", "ibgu policy explain ran-nights"),
    "policy lint": (
        "ibgu policy lint night.yaml",
        "ibgu policy lint policies/ --sources sources.yaml -o json",
    ),
    "policy init": (
        "ibgu policy init -o policies/",
        "ibgu policy init --clusters 3500 --time-zone Europe/Berlin",
    ),
    "policy list": ("ibgu policy list", "ibgu policy list -n ran -o json"),
    "policy explain": ("ibgu policy explain ran-nights",),
    "seed": ("ibgu seed list", "ibgu seed show du-r750-4.17.3"),
    "seed list": ("ibgu seed list", "ibgu seed list -o wide"),
    "seed show": ("ibgu seed show du-r750-4.17.3",),
    "seed generate": (
        "ibgu seed generate --cluster seed-r750 --image registry.example.com/du:4.17.3 -o seed",
    ),
    "seed add": ("ibgu seed add du-r750-4.17.3 --image $IMAGE --release 4.17.3 --profile cpu=64",),
    "gather": (
        "ibgu gather site-0412 --image $IMAGE",
        "ibgu gather -l region=north --image $IMAGE -o logs --yes",
        "ibgu gather site-0412 --image $MUST_GATHER --must-gather --upload @urls.txt",
    ),
    "prepare": (
        "ibgu prepare operators -l region=north --dry-run",
        "ibgu prepare status -l region=north",
    ),
    "prepare operators": (
        "ibgu prepare operators -l region=north --dry-run",
        "ibgu prepare operators site-0412 --only oadp --oadp-channel stable-1.4",
    ),
    "prepare dpa": (
        "ibgu prepare dpa -l region=north --bucket ran --url https://s3.example.com "
        "--credentials s3.ini",
    ),
    "prepare cleanup": (
        "ibgu prepare cleanup -l region=north --threshold 65",
        "ibgu prepare cleanup site-0412 --default",
    ),
    "prepare auto-rollback": (
        "ibgu prepare auto-rollback site-0412 --disable init-monitor",
        "ibgu prepare auto-rollback -l region=north --default",
    ),
    "prepare status": ("ibgu prepare status -l region=north",),
    "prepare partition": (
        "ibgu prepare partition --disk /dev/disk/by-path/pci-0000:00:17.0-ata-1 --start 250000",
    ),
    "doctor": ("KUBECONFIG=hub.kubeconfig ibgu doctor", "ibgu doctor --user -n ran-upgrades"),
    "notify": ("ibgu notify test",),
    "notify test": ("ibgu notify test --receiver noc",),
    "run": ("KUBECONFIG=hub.kubeconfig DATABASE_URL=postgresql://… ibgu run --migrate",),
    "controller": ("ibgu controller",),
    "api": ("ibgu api",),
    "migrate": ("DATABASE_URL=postgresql://… ibgu migrate",),
    "simulate": (
        "ibgu simulate --clusters 200 --scale 0.01 --fault prep.precache=0.05",
        "ibgu simulate --updates --multi-node 0.2 --scale 0.01 --fault no-signature=0.05",
        "ibgu simulate --cleanup",
    ),
    "demo": (
        "ibgu demo",
        "ibgu demo --clusters 6 --speed 1000 --exit-when-done",
        "ibgu demo --kind FleetUpdate --fault ack-required=0.1",
    ),
    "login": (
        "ibgu login",
        "ibgu login --server https://ibgu.apps.hub.example.com --ca-file ingress-ca.pem",
    ),
    "logout": ("ibgu logout",),
    "completion": ("source <(ibgu completion bash)",),
}


def epilog(command: str) -> str:
    """Returns the lines as they are shown; the mark keeps them from being wrapped."""
    return "\n".join(["\b", "Examples:", *(f"  {line}" for line in EXAMPLES[command])])
