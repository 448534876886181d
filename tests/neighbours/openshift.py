"""OpenShift's own CRDs of what an update shows, from the module that defines them."""

import json
from functools import cache
from pathlib import Path

import pytest

from ibgu.sandbox import golang
from ibgu.sandbox.errors import SandboxError

_MODULE = "github.com/openshift/api@v0.0.0-20251125174858-5cf710f68a92"
_SUM = "h1:84/QWiBTDwOgOBflOL5hKqp4XdGkH3rODzd3Yx48Jts="
_FILES = (
    "config/v1/zz_generated.crd-manifests/"
    "0000_00_cluster-version-operator_01_clusterversions-Default.crd.yaml",
    "config/v1/zz_generated.crd-manifests/"
    "0000_00_cluster-version-operator_01_clusteroperators.crd.yaml",
    "config/v1/zz_generated.crd-manifests/0000_10_config-operator_01_imagedigestmirrorsets.crd.yaml",
    "machineconfiguration/v1/zz_generated.crd-manifests/"
    "0000_80_machine-config_01_machineconfigpools-Default.crd.yaml",
    "machineconfiguration/v1/zz_generated.crd-manifests/"
    "0000_80_machine-config_01_pinnedimagesets.crd.yaml",
    "machine/v1beta1/zz_generated.crd-manifests/"
    "0000_10_machine-api_01_machinehealthchecks.crd.yaml",
)
COLLECTIONS = (
    "/apis/config.openshift.io/v1/clusterversions",
    "/apis/config.openshift.io/v1/clusteroperators",
    "/apis/config.openshift.io/v1/imagedigestmirrorsets",
    "/apis/machineconfiguration.openshift.io/v1/machineconfigpools",
    "/apis/machine.openshift.io/v1beta1/machinehealthchecks",
    "/apis/policy/v1/poddisruptionbudgets",
)
BUDGETS = "/apis/policy/v1/namespaces/openshift-machine-api/poddisruptionbudgets"
PINS = "/apis/machineconfiguration.openshift.io/v1/pinnedimagesets"
HEALTH_CHECKS = (
    "/apis/machine.openshift.io/v1beta1/namespaces/openshift-machine-api/machinehealthchecks"
)
NAMESPACES = ("openshift-config", "openshift-config-managed", "openshift-machine-api")


@cache
def openshift_crds() -> list[Path]:
    """Fetches the module, if it is not there yet, and returns the files of the CRDs; skips the test
    on a machine that can't fetch it."""
    try:
        told = json.loads(golang.run(["mod", "download", "-json", _MODULE]))
    except SandboxError as error:
        pytest.skip(f"OpenShift's CRDs are not there: {error}")
    if told["Sum"] != _SUM:
        raise ValueError(f"{_MODULE} is {told['Sum']}, and not {_SUM}")
    return [Path(told["Dir"]) / file for file in _FILES]
