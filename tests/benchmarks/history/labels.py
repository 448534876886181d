"""Labels and claims of ManagedClusters, as Advanced Cluster Management leaves them there."""

REGIONS, SITES = 10, 500
_ADDONS = (
    "application-manager",
    "cert-policy-controller",
    "cluster-proxy",
    "config-policy-controller",
    "governance-policy-framework",
    "hypershift-addon",
    "managed-serviceaccount",
    "observability-controller",
    "search-collector",
    "volsync",
    "work-manager",
)
_OPERATORS = (
    "cluster-logging",
    "local-storage",
    "lifecycle-agent",
    "oadp",
    "ptp",
    "sriov-fec",
    "sriov-network",
)
_FEATURE = "feature.open-cluster-management.io/addon-"
_SET = "cluster.open-cluster-management.io/clusterset"
_POLICIES = "ran.telco.example.com"


def of_hub(name: str, number: int, uid: str) -> dict[str, str]:
    """Some 25: what the hub's controllers and an import write."""
    return {
        "name": name,
        "cloud": "BareMetal",
        "vendor": "OpenShift",
        "clusterID": uid,
        "openshiftVersion": "4.16.21",
        "openshiftVersion-major": "4",
        "openshiftVersion-major-minor": "4.16",
        _SET: "ran",
        "common": "true",
        "group-du-sno": "",
        "ztp-done": "",
        "region": f"r{number % REGIONS}",
        "site": f"s{number % SITES:03d}",
        "hardware-type": "xr8620t",
        **{f"{_FEATURE}{name}": "available" for name in _ADDONS},
    }


def of_operators(name: str, number: int, uid: str) -> dict[str, str]:
    """Some 45, of two or three KiB: with what the policies of a RAN fleet are bound by."""
    return of_hub(name, number, uid) | {
        f"{_POLICIES}/{operator}-{what}": f"{what}-4.16.21-build.{number % 7:04d}"
        for operator in _OPERATORS
        for what in ("channel", "policy", "profile")
    }


def claims(name: str, uid: str) -> list[dict[str, str]]:
    """Returns claims as `status.clusterClaims` has them."""
    found = {
        "id.k8s.io": name,
        "id.openshift.io": uid,
        "kubeversion.open-cluster-management.io": "v1.29.10+67d3387",
        "platform.open-cluster-management.io": "BareMetal",
        "product.open-cluster-management.io": "OpenShift",
        "version.openshift.io": "4.16.21",
        "infrastructure.openshift.io": f'{{"infraName":"{name}-x7k2p"}}',
        "consoleurl.cluster.open-cluster-management.io": f"https://console.apps.{name}.example.com",
        "oauthredirecturis.openshift.io": f"https://oauth.apps.{name}.example.com/oauth/token",
    }
    return [{"name": claim, "value": value} for claim, value in found.items()]
