"""Failures of Prep when it compares the seed with the cluster, then downloads it."""

from ibgu.core.drivers.ibu.actions import Stage
from ibgu.core.drivers.ibu.failures.guides import Guide
from ibgu.core.drivers.ibu.failures.known import Onward, known
from ibgu.core.drivers.ibu.failures.names import Failure

_PREP = Stage.PREP
_OTHER = "Upgrade this cluster from a seed of a cluster with the same configuration."

_UNREACHABLE = (
    r"[\s\S]*(i/o timeout|handshake timeout|deadline exceeded|connection (refused|reset|timed out)"
    r"|no route to host|network is unreachable|unexpected EOF|server misbehaving"
    r"|temporary failure in name resolution|too ?many ?requests|status(code)?:? (429|5\d\d)\b)"
)
"""The words of a registry, or a network, that is away or has too much to do."""
_REFUSED = r"[\s\S]*(x509|unauthorized|denied|forbidden|manifest unknown)"
"""The words of a registry that must be asked in another way first."""

SEED = (
    known(
        Failure.REGISTRY_UNREACHABLE,
        rf"failed to inspect image(?={_UNREACHABLE})(?!{_REFUSED})",
        "The cluster could not reach the registry of the seed image, or the registry had too much "
        "to do.",
        "Check network and registry from the site.",
        _PREP,
        onward=Onward.RETRY,
        rules=("P11",),
        guide=Guide.FAILED_CLUSTERS,
        transient=True,
    ),
    known(
        Failure.SEED_IMAGE_UNREADABLE,
        rf"failed to inspect image((?!{_UNREACHABLE})|(?={_REFUSED}))",
        "The cluster can't read the seed image from its registry.",
        "If the image reference is wrong, abort the cluster, and make a new rollout. Else check "
        "pull secret and mirror from the site.",
        _PREP,
        onward=Onward.RETRY,
        rules=("P11", "P12"),
        guide=Guide.FAILED_CLUSTERS,
    ),
    known(
        Failure.PULL_SECRET_MISSING,
        r"failed to retrieve pull-secret",
        "The Secret of seedImageRef.pullSecretRef is not in openshift-lifecycle-agent on the "
        "cluster, or has no .dockerconfigjson.",
        "Create the Secret on the hub in the namespace of the ImageBasedGroupUpgrade, so that "
        "ibgu delivers it.",
        _PREP,
        onward=Onward.RETRY,
        rules=("P12",),
        guide=Guide.FAILED_CLUSTERS,
    ),
    known(
        Failure.SEED_FORMAT_MISMATCH,
        r"seed image format version mismatch|seed image is missing the \S+ label",
        "The seed image was made for another version of the Lifecycle Agent.",
        "Make the seed again with the Lifecycle Agent version that the clusters run, or update "
        "theirs.",
        _PREP,
        rules=("P6", "P41"),
        guide=Guide.SEED_GENERATION,
    ),
    known(
        Failure.PROXY_MISMATCH,
        r"seed image (has|does not have) a proxy",
        "Only one of seed and cluster uses a proxy.",
        _OTHER,
        _PREP,
        rules=("P32",),
        guide=Guide.SEED_PROFILE,
    ),
    known(
        Failure.FIPS_MISMATCH,
        r"seed image (has|does not have) (a )?FIPS",
        "Only one of seed and cluster is in FIPS mode.",
        _OTHER,
        _PREP,
        rules=("P32",),
        guide=Guide.SEED_PROFILE,
    ),
    known(
        Failure.TRUST_BUNDLE_MISMATCH,
        r"seed image (has|does not have) an? \S*user-ca-bundle"
        r"|seed image's Proxy trustedCA configmap name",
        "Seed and cluster differ in their additional trust bundle.",
        "Give the cluster the seed's user-ca-bundle and Proxy trustedCA, or choose another seed.",
        _PREP,
        rules=("P32",),
        guide=Guide.SEED_PROFILE,
    ),
    known(
        Failure.CONTAINER_STORAGE_MISMATCH,
        r"container storage mountpoint target mismatch",
        "Seed and cluster have /var/lib/containers on partitions of different names.",
        _OTHER,
        _PREP,
        rules=("P31", "P32"),
        guide=Guide.PARTITION,
    ),
    known(
        Failure.STATEROOT_FAILED,
        r"stateroot setup job failed",
        "The seed could not be pulled or unpacked beside the running release, or its version is "
        "not the one in seedImageRef.",
        "Read the log of the job lca-prep-stateroot-setup (`ibgu gather CLUSTER --image IMAGE`).",
        _PREP,
        onward=Onward.RETRY,
        rules=("P31",),
        guide=Guide.FAILED_CLUSTERS,
    ),
    known(
        Failure.PRECACHE_FAILED,
        r"precache job failed",
        "Some images of the new release could not be pulled to the cluster.",
        "Check registry, mirror and free disk space of the site; the log of the job "
        "lca-prep-precache names the images (`ibgu gather CLUSTER --image IMAGE`).",
        _PREP,
        onward=Onward.RETRY,
        rules=("P12", "P31"),
        guide=Guide.FAILED_CLUSTERS,
        transient=True,
    ),
    known(
        Failure.PREP_JOB_DELETED,
        r"(stateroot|precache) (setup )?job is marked to be deleted",
        "Somebody deleted the Lifecycle Agent's job on the cluster while it ran.",
        "Leave the jobs of the Lifecycle Agent alone while it runs Prep.",
        _PREP,
        onward=Onward.RETRY,
        guide=Guide.FAILED_CLUSTERS,
    ),
)
