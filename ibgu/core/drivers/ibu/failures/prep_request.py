"""Failures of Prep that refuse the request, before anything is downloaded."""

from ibgu.core.drivers.ibu.actions import Stage
from ibgu.core.drivers.ibu.failures.guides import Guide
from ibgu.core.drivers.ibu.failures.known import Onward, known
from ibgu.core.drivers.ibu.failures.names import Failure

_PREP = Stage.PREP

REQUEST = (
    known(
        Failure.NO_CONTAINER_STORAGE,
        r"container storage mountpoint target not found",
        "The node has no partition of its own for /var/lib/containers, which the old and the "
        "new release would share.",
        "It can't be added to an installed node: reinstall the cluster with that partition.",
        _PREP,
        rules=("P31",),
        guide=Guide.PARTITION,
    ),
    known(
        Failure.SEED_VERSION_NOT_HIGHER,
        r"seed OCP version .* must be higher than",
        "The seed's version is not higher than the one that the cluster runs.",
        "Choose a seed of a higher version, or leave the cluster out: it may be there already.",
        _PREP,
        rules=("P2",),
        guide=Guide.FAILED_CLUSTERS,
    ),
    known(
        Failure.SEED_VERSION_INVALID,
        r"failed to parse seed version",
        "The version in seedImageRef is not a complete version number.",
        "Create the ImageBasedGroupUpgrade again with a version in the form x.y.z.",
        _PREP,
        rules=("P2", "P11"),
        guide=Guide.FAILED_CLUSTERS,
    ),
    known(
        Failure.POLICY_MANIFEST_COUNT,
        r"labell?ed manifests count found in policies",
        "The policies on the cluster contain a different number of labelled manifests "
        "than the annotation lca.openshift.io/target-ocp-version-manifest-count.",
        "Correct the labels in the policies, or the number in the annotation.",
        _PREP,
        rules=("P29", "P40"),
        guide=Guide.POLICIES,
    ),
    known(
        Failure.EXTRA_MANIFESTS_MISSING,
        r"extraManifests configMap is not found",
        "A ConfigMap that spec.ibuSpec.extraManifests names is not on the cluster.",
        "Create it on the hub under the same namespace and name, so that ibgu delivers "
        "it, or create it on the cluster yourself.",
        _PREP,
        onward=Onward.RETRY,
        rules=("P14",),
        guide=Guide.EXTRA_MANIFESTS,
    ),
    known(
        Failure.EXTRA_MANIFESTS_INVALID,
        r"in extramanifests is not allowed|resource name is empty"
        r"|failed to decode .* in the configMap",
        "The extra manifests contain an object that can't be read, has no name, or is "
        "not allowed (MachineConfig, Subscription, InstallPlan, ClusterServiceVersion).",
        "Remove or correct it in the ConfigMap.",
        _PREP,
        onward=Onward.RETRY,
        rules=("P25", "P26", "P27", "P28"),
        guide=Guide.EXTRA_MANIFESTS,
    ),
)
