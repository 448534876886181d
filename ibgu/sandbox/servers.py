"""The command lines of etcd and kube-apiserver, and free ports for them."""

import random
import socket
from pathlib import Path

from ibgu.sandbox.certificates import ServingFiles

_PORTS = range(20_000, 32_000)
"""Below the range of outgoing connections: a client that retries a stopped server's port inside
that range can be given the same port, and then talks to itself."""

_AUDIT_POLICY = """\
apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived, ResponseStarted]
rules: [{level: Metadata}]
"""


def free_port() -> int:
    """A port of 127.0.0.1 that is free. No other caller, in whichever process, is given it
    while this process lives: seconds lie between the choice and the server's start."""
    for port in random.sample(_PORTS, 200):
        if _unused(port) and _claim(port):
            return port
    raise OSError(f"no free port on 127.0.0.1 between {_PORTS.start} and {_PORTS.stop}")


def _unused(port: int) -> bool:
    with socket.socket() as probe:
        return _bound(probe, port)


def _claim(port: int) -> bool:
    """Reserves a port by the UDP port of that number, which no server here wants; kept until the
    process ends."""
    with socket.socket(type=socket.SOCK_DGRAM) as claim:
        return _bound(claim, port) and claim.detach() >= 0


def _bound(found: socket.socket, port: int) -> bool:
    try:
        found.bind(("127.0.0.1", port))
    except OSError:
        return False
    return True


def etcd_argv(
    binary: Path, data: Path, client_port: int, peer_port: int, *, durable: bool = False
) -> list[str]:
    """etcd without a single fsync, unless `durable`: a sandbox does not outlive a power cut."""
    client, peer = (f"http://127.0.0.1:{port}" for port in (client_port, peer_port))
    return [
        str(binary),
        f"--data-dir={data}",
        f"--listen-client-urls={client}",
        f"--advertise-client-urls={client}",
        f"--listen-peer-urls={peer}",
        f"--initial-advertise-peer-urls={peer}",
        f"--initial-cluster=default={peer}",
        *(() if durable else ("--unsafe-no-fsync",)),
        "--quota-backend-bytes=8589934592",
        "--log-level=warn",
    ]


_NO_QUEUES = (
    "--enable-priority-and-fairness=false",
    "--max-requests-inflight=4000",
    "--max-mutating-requests-inflight=2000",
)


def apiserver_argv(
    binary: Path,
    *,
    port: int,
    etcd_port: int,
    serving: ServingFiles,
    signing_key: Path,
    tokens: Path,
    audit_log: Path | None,
    durable: bool = False,
) -> list[str]:
    """RBAC and CEL as on any hub; no ServiceAccount admission and, unless `durable`, no fairness
    queues.

    There are no pods here to admit, and queues would measure the fairness of strangers.
    """
    return [
        str(binary),
        f"--etcd-servers=http://127.0.0.1:{etcd_port}",
        "--bind-address=127.0.0.1",
        "--advertise-address=127.0.0.1",
        "--endpoint-reconciler-type=none",
        f"--secure-port={port}",
        f"--tls-cert-file={serving.certificate}",
        f"--tls-private-key-file={serving.key}",
        f"--token-auth-file={tokens}",
        "--anonymous-auth=false",
        "--authorization-mode=RBAC",
        # As on OpenShift, where security context constraints decide instead.
        "--allow-privileged=true",
        "--service-account-issuer=https://kubernetes.default.svc",
        f"--service-account-signing-key-file={signing_key}",
        f"--service-account-key-file={signing_key}",
        "--service-cluster-ip-range=10.96.0.0/24",
        "--disable-admission-plugins=ServiceAccount",
        *(() if durable else _NO_QUEUES),
        "--shutdown-delay-duration=0s",
        *(_audit_argv(audit_log, tokens.with_name("audit-policy.yaml")) if audit_log else ()),
    ]


def _audit_argv(log: Path, policy: Path) -> tuple[str, ...]:
    policy.write_text(_AUDIT_POLICY)
    return (
        f"--audit-policy-file={policy}",
        f"--audit-log-path={log}",
        "--audit-log-maxsize=10000",  # megabytes: never cut in two
        "--audit-log-mode=batch",
        "--audit-log-batch-max-wait=200ms",
    )
