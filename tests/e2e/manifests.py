"""ImageBasedGroupUpgrades as users write them; those of the documentation word by word."""

from collections.abc import Sequence
from typing import Any

import yaml

Object = dict[str, Any]

SEED = {"image": "quay.io/seed/image:4.17.0-rc.1", "version": "4.17.0-rc.1"}
SPOKES = ("spoke1", "spoke4", "spoke6")

_HEAD = """
apiVersion: lcm.openshift.io/v1alpha1
kind: ImageBasedGroupUpgrade
metadata:
  name: {name}
  namespace: default
spec:
  clusterLabelSelectors:
    - matchExpressions:
      - key: name
        operator: In
        values:
{values}
  ibuSpec:
    seedImageRef:
      image: quay.io/seed/image:{version}
      version: {version}
      pullSecretRef:
        name: "seed-pull-secret"
    extraManifests:
      - name: example-extra-manifests
        namespace: openshift-lifecycle-agent
    oadpContent:
      - name: oadp-cm
        namespace: openshift-adp
  plan:
"""


def documented(
    name: str, plan: str, clusters: tuple[str, ...] = SPOKES, version: str = "4.17.0-rc.1"
) -> str:
    """The YAML of the documentation's procedures; they differ in plan, clusters and version."""
    values = "\n".join(f"        - {cluster}" for cluster in clusters)
    return _HEAD.format(name=name, values=values, version=version) + plan


def appended(actions: str, most: int, timeout: int) -> str:
    """The documented argument of `oc patch ibgu <name> --type=json -p`."""
    return (
        '[{"op": "add", "path": "/spec/plan/-", "value": {"actions": ["'
        f'{actions}"], "rolloutStrategy": {{"maxConcurrency": {most}, "timeout": {timeout}}}}}}}]'
    )


def as_object(text: str) -> Object:
    return dict(yaml.safe_load(text))


def step(*actions: str, most: int = 10, timeout: int = 60) -> Object:
    """`timeout` in minutes."""
    strategy = {"maxConcurrency": most, "timeout": timeout}
    return {"actions": list(actions), "rolloutStrategy": strategy}


def ibgu(
    name: str,
    *plan: Object,
    fleet: str,
    only: Sequence[int] = (),
    annotations: Object | None = None,
    **ibu: Any,
) -> Object:
    """Returns an IBGU for all clusters with the label `fleet`, or `only` those with these numbers
    in it; `ibu` goes into its ibuSpec."""
    selector: Object = {"matchLabels": {"fleet": fleet}}
    if only:
        names = [f"{fleet}-{number}" for number in only]
        selector["matchExpressions"] = [{"key": "name", "operator": "In", "values": names}]
    return {
        "apiVersion": "lcm.openshift.io/v1alpha1",
        "kind": "ImageBasedGroupUpgrade",
        "metadata": {"name": name, "namespace": "default", "annotations": annotations or {}},
        "spec": {
            "clusterLabelSelectors": [selector],
            "ibuSpec": {"seedImageRef": SEED, **ibu},
            "plan": list(plan),
        },
    }


def config_map(namespace: str, name: str, **data: str) -> Object:
    metadata = {"namespace": namespace, "name": name}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}


def pull_secret(namespace: str, name: str) -> Object:
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"namespace": namespace, "name": name},
        "type": "kubernetes.io/dockerconfigjson",
        "stringData": {".dockerconfigjson": '{"auths": {}}'},
    }
