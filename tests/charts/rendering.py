"""The chart as helm renders it."""

import json
import os
import subprocess
import tempfile
from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any

import yaml

from ibgu.resources import shipped
from ibgu.sandbox.users import SYSTEM_NAMESPACE
from tests.tools.binaries import tools

Object = dict[str, Any]

CHART = shipped("charts/ibgu")

NEEDED: Object = {
    "image": {"repository": "registry.example.com/ran/ibgu"},
    "database": {"existingSecret": "journal"},
}
"""What the chart can't be rendered without."""

OPENSHIFT = (
    "route.openshift.io/v1",
    "oauth.openshift.io/v1",
    "security.openshift.io/v1",
    "monitoring.coreos.com/v1",
)

CASES: dict[str, Object] = {
    "split": {},
    "combined": {"topology": "combined", "controller": {"replicas": 1}},
    "bundled": {"bundledPostgres": {"enabled": True, "storageClassName": "fast"}},
    "bundled and combined": {
        "topology": "combined",
        "bundledPostgres": {"enabled": True, "tlsSecret": "postgres-tls"},
    },
    "ingress": {
        "ingress": {
            "enabled": True,
            "className": "nginx",
            "host": "ibgu.example.com",
            "tlsSecret": "ibgu-tls",
            "annotations": {"nginx.ingress.kubernetes.io/proxy-read-timeout": "60"},
        }
    },
    "oauth proxy": {
        "route": {"enabled": True, "host": "ibgu.apps.example.com"},
        "oauthProxy": {"enabled": True, "image": f"quay.example/oauth-proxy@sha256:{'0' * 64}"},
    },
    "oauth proxy of one's own": {
        "topology": "combined",
        "route": {"enabled": True, "host": "ibgu.apps.example.com"},
        "oauthProxy": {
            "enabled": True,
            "image": f"quay.example/oauth-proxy@sha256:{'0' * 64}",
            "clientId": "ran",
            "existingSecret": "ran-oauth",
            "extraArgs": ["--request-logging"],
        },
        "service": {"annotations": {"a": "b"}},
    },
    "with everything": {
        "notifications": {
            "receivers": [
                {
                    "name": "noc",
                    "format": "cloudevents",
                    "url": "https://noc.example.com/hooks/ibgu",
                    "secretFile": "/etc/ibgu/notify-secret/noc",
                },
                {
                    "name": "alerts",
                    "format": "alertmanager",
                    "url": "http://alertmanager-operated.monitoring.svc:9093",
                },
                {
                    "name": "chat",
                    "format": "cloudevents",
                    "urlFile": "/etc/ibgu/notify-secret/chat",
                },
            ],
            "existingSecret": "ibgu-receivers",
        },
        "healthSources": {
            "sources": [
                {
                    "name": "thanos",
                    "url": "https://thanos-querier.openshift-monitoring.svc:9091",
                    "tokenFile": "/etc/ibgu/health-sources-secret/thanos-token",
                },
                {"name": "cells", "url": "https://metrics.example.com"},
            ],
            "existingSecret": "ibgu-health-sources",
        },
        "image": {"repository": "registry.example.com/ibgu", "digest": f"sha256:{'0' * 64}"},
        "imagePullSecrets": [{"name": "pull"}],
        "settings": {"IBGU_LOG_LEVEL": "debug", "IBGU_HUB_RATE": "50"},
        "controller": {
            "settings": {"IBGU_HUB_RATE": "100"},
            "podAnnotations": {"a": "b"},
            "nodeSelector": {"node-role.kubernetes.io/infra": ""},
            "tolerations": [{"key": "node-role.kubernetes.io/infra", "operator": "Exists"}],
            "affinity": {"nodeAffinity": {}},
            "priorityClassName": "system-cluster-critical",
        },
        "api": {
            "serviceAccount": {"annotations": {"a": "b"}},
            "extraContainers": [{"name": "proxy", "image": "registry.example.com/proxy:1"}],
            "extraVolumes": [{"name": "proxy-tls", "secret": {"secretName": "proxy-tls"}}],
        },
        "service": {"annotations": {"a": "b"}},
        "networkPolicy": {
            "from": [{"namespaceSelector": {"matchLabels": {"team": "ran"}}}],
            "extraEgress": [{"ports": [{"port": 8443, "protocol": "TCP"}]}],
        },
    },
    "with nothing": {
        "payloadNamespaces": [],
        "migration": {"enabled": False},
        "networkPolicy": {"enabled": False},
        "podDisruptionBudget": {"enabled": False},
        "flowControl": {"enabled": False},
        "userRoles": {"create": False},
        "serviceAccount": {"create": False},
        "api": {"serviceAccount": {"create": False}},
    },
}
"""Values that differ in what is made of them."""


class RenderError(AssertionError):
    """The text is helm's."""


def helm(*arguments: str, stdin: str = "") -> str:
    """Returns helm's standard output; it neither reads nor writes the user's own helm."""
    with tempfile.TemporaryDirectory() as empty:
        homes = {f"HELM_{name}_HOME": empty for name in ("CONFIG", "CACHE", "DATA")}
        done = subprocess.run(
            [tools().helm, *arguments],
            input=stdin,
            env=os.environ | homes,
            capture_output=True,
            text=True,
            check=False,
        )
    if done.returncode:
        raise RenderError(done.stderr)
    return done.stdout


def template(values: Mapping[str, Any], apis: Iterable[str] = (), *options: str) -> str:
    """Returns what helm prints; `apis` are those that the hub serves besides Kubernetes' own."""
    return _template(json.dumps(NEEDED | dict(values)), tuple(apis), options)


@cache
def _template(values: str, apis: tuple[str, ...], options: tuple[str, ...]) -> str:
    served = [argument for api in apis for argument in ("--api-versions", api)]
    return helm(
        *("template", "ibgu", str(CHART), "--namespace", SYSTEM_NAMESPACE, "--values", "-"),
        *(*served, *options),
        stdin=values,
    )


def render(
    values: Mapping[str, Any] | None = None, apis: Iterable[str] = (), *options: str
) -> list[Object]:
    """The objects, hooks among them."""
    text = template(values or {}, apis, *options)
    return [manifest for manifest in yaml.load_all(text, yaml.CSafeLoader) if manifest]
