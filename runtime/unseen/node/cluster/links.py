"""How members of a cluster reach each other: TLS 1.3, both sides certified, and nothing else.

Dask reads its settings from files and variables of whoever starts it, code to run at the start
among them; here they are what this module says.
"""

import logging
import socket
import ssl

import dask
from distributed.security import Security

from unseen.node.cluster.files import Files
from unseen.node.errors import ClusterLostError, ClusterRefusedError

SCHEME = "dask://"
NO_WORKERS_SECONDS = 60  # how long a task waits where there is no worker at all
_PROBE_SECONDS = 10.0
_SETTINGS = {
    "distributed.comm.require-encryption": True,
    "distributed.comm.timeouts.connect": "10s",
    "distributed.scheduler.allowed-failures": 2,  # machines that a task may take with it
    "distributed.scheduler.no-workers-timeout": f"{NO_WORKERS_SECONDS}s",
    "distributed.scheduler.active-memory-manager.start": False,
    "distributed.scheduler.http.routes": [],  # what they serve asks nobody for a certificate
    "distributed.worker.http.routes": [],
    "distributed.worker.profile.enabled": False,
    "distributed.worker.memory.target": False,  # nothing of ours is spilled to a disk
    "distributed.worker.memory.spill": False,
    "distributed.worker.memory.pause": False,
    "distributed.worker.memory.terminate": False,
    "distributed.admin.system-monitor.gil.enabled": False,
    "distributed.diagnostics.nvml": False,
}


def configure(level: int) -> None:
    """Give Dask its own defaults and the settings here, whatever else this machine says.

    Of its log only what is at least at `level` is written.
    """
    dask.config.refresh(paths=[], env={})
    dask.config.set(_SETTINGS)
    for name in ("distributed", *logging.root.manager.loggerDict):
        if name.partition(".")[0] in {"distributed", "tornado"}:
            logging.getLogger(name).setLevel(level)


def security(files: Files) -> Security:
    """Return what Dask connects and listens with."""
    member = str(files.member)
    return Security(
        require_encryption=True,
        tls_min_version=ssl.TLSVersion.TLSv1_3,
        tls_ca_file=str(files.ca),
        tls_client_cert=member,
        tls_scheduler_cert=member,
        tls_worker_cert=member,
    )


def address_of(text: str) -> tuple[str, int]:
    """Return host and port of `dask://HOST:PORT`."""
    host, _, port = text.removeprefix(SCHEME).rpartition(":")
    return host.strip("[]"), int(port)


def check_scheduler(host: str, port: int, files: Files) -> None:
    """Raise unless a scheduler of this cluster answers, and only to those who are certified.

    Raises:
        ClusterLostError: nothing answers, or not in time.
        ClusterRefusedError: what answers is not TLS, not of this cluster, or lets anybody in.

    """
    context = ssl.create_default_context(cafile=str(files.ca))
    context.check_hostname = False  # members share one certificate
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    try:
        plain = socket.create_connection((host, port), timeout=_PROBE_SECONDS)
    except OSError as error:
        raise lost(f"nothing answers at {SCHEME}{host}:{port} ({type(error).__name__})") from None
    with plain:
        try:
            with context.wrap_socket(plain, server_hostname=host) as probe:
                asked = _asks_for_certificate(probe)
        except TimeoutError:
            raise lost(f"what listens at {SCHEME}{host}:{port} does not answer") from None
        except ssl.SSLCertVerificationError:
            raise _refused("shows a certificate that is not this cluster's, or expired") from None
        except (OSError, EOFError):
            raise _refused("does not speak TLS 1.3") from None
    if not asked:
        raise _refused("lets in whoever has no certificate")


def lost(message: str) -> ClusterLostError:
    """Return the error for a scheduler that is not there, or not any more."""
    return ClusterLostError(
        message,
        clause="node.executor",
        remedy="the operator starts the cluster: unseen node cluster scheduler, and worker",
    )


def _asks_for_certificate(probe: ssl.SSLSocket) -> bool:
    """Return whether the other side hangs up on this connection, which showed no certificate.

    A scheduler speaks first, so one that lets it in is heard; silence says nothing: TimeoutError.
    """
    try:
        return not probe.recv(1)
    except TimeoutError:
        raise
    except OSError:  # TLS 1.3 says so only after the handshake
        return True


def _refused(what: str) -> ClusterRefusedError:
    return ClusterRefusedError(
        f"the scheduler {what}",
        clause="node.executor",
        remedy="start it by `unseen node cluster scheduler` with the files that this node has",
    )
