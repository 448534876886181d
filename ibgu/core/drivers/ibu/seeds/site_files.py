"""The files for the site where a seed image is generated (manual, 15.2.3.2).

They hold no credentials. The placeholder in the Secret is not base64, so the API server refuses it
until somebody has replaced it.
"""

from msgspec import Struct

from ibgu.core.drivers.ibu.preflight.metadata import is_object_name
from ibgu.core.drivers.ibu.preflight.releases import parsed

GENERATOR = "seedgenerator.yaml"
SECRET = "secret.yaml"
README = "README.md"


class SeedRequest(Struct, frozen=True):
    """SeedRequest is the seed to generate. Commands for a shell name its fields, so none has a
    character that a shell would interpret."""

    cluster: str
    image: str
    """Where the Lifecycle Agent pushes it, with a tag."""
    release: str
    """Empty: unknown."""
    name: str
    """The SeedImage's name in the catalogue."""

    @classmethod
    def of(cls, cluster: str, image: str, release: str, name: str = "") -> "SeedRequest":
        """Returns the request; `release`: as the cluster reports it; `name`: empty for a usual
        one."""
        known = release if parsed(release) else ""
        usual = f"{cluster}-{known.lower()}"
        return cls(cluster, image, known, name or (usual if is_object_name(usual) else cluster))


def site_files(seed: SeedRequest) -> dict[str, str]:
    """Returns the texts by the names of their files."""
    return {
        GENERATOR: _GENERATOR.format(image=seed.image),
        SECRET: _SECRET,
        README: _README.format(
            cluster=seed.cluster,
            image=seed.image,
            repository=repository(seed.image),
            release=seed.release or "X.Y.Z",
            name=seed.name,
        ),
    }


def repository(image: str) -> str:
    """Returns the image's name without its tag."""
    head, slash, last = image.rpartition("/")
    return f"{head}{slash}{last.partition(':')[0]}"


_GENERATOR = """\
# The name must be seedimage. Applying this stops the kubelet and reboots the cluster.
apiVersion: lca.openshift.io/v1
kind: SeedGenerator
metadata:
  name: seedimage
spec:
  seedImage: "{image}"
"""

_SECRET = """\
# Credentials that may push to the registry: the content of an authfile in base64.
# Fill them in on the site, and keep the file out of Git.
# README.md has a command that needs no file.
apiVersion: v1
kind: Secret
metadata:
  name: seedgen
  namespace: openshift-lifecycle-agent
type: Opaque
data:
  seedAuth: "<authfile in base64>"
"""

_README = """\
# A seed image from {cluster}

Step 2 and the last command of step 6 need the hub's kubeconfig, all else the kubeconfig of the
site itself. Bring no credentials of the hub to the site. The cluster reboots and gets new
certificates. To generate another seed later, provision the cluster again.

## 1. Check the cluster

On {cluster}, each of these must find something. The last one is the partition for container
storage:

```
oc get deployment -n openshift-lifecycle-agent lifecycle-agent-controller-manager
oc get deployment -n openshift-adp openshift-adp-controller-manager
oc get machineconfig | grep var-lib-containers
```

Each of these must find nothing. An error that the server has no such resource is fine:

```
oc get dataprotectionapplication -A
oc get localvolume -A
oc get lvmcluster -A
oc get persistentvolume
```

## 2. Detach the cluster from the hub

On the hub. With GitOps, remove the cluster's SiteConfig from kustomization.yaml instead, and push:

```
oc delete managedcluster {cluster}
oc wait --for=delete managedcluster/{cluster} --timeout=30m
```

## 3. Check that the hub's agents are gone

On the site, this must find nothing. The Lifecycle Agent cleans up other objects that detaching
leaves:

```
oc get pods -A | grep open-cluster-management
```

## 4. Create the Secret with the registry's credentials

The credentials must be allowed to push to {repository}:

```
AUTH=$(mktemp -d)
podman login --authfile $AUTH/auth.json {repository}
oc create secret generic seedgen -n openshift-lifecycle-agent \\
  --from-file=seedAuth=$AUTH/auth.json
rm -r $AUTH
```

Or fill in secret.yaml and apply it.

## 5. Generate the seed

The API server is unavailable while this runs:

```
oc apply -f seedgenerator.yaml
oc get seedgenerator seedimage -o jsonpath='{{.status.conditions}}'
```

The seed is there when the condition SeedGenCompleted is True.

## 6. Add the seed to the catalogue

Read the digest, and apply the entry on the hub. With --profile KEY=VALUE name the hardware and the
network of the cluster, as labels of the clusters have them:

```
DIGEST=$(skopeo inspect --format '{{{{.Digest}}}}' docker://{image})
ibgu seed add {name} --image {repository}@$DIGEST \\
  --release {release} --cluster {cluster} | kubectl apply -f -
```
"""
