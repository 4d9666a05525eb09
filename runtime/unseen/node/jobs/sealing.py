"""Results at rest: AES-256-GCM under a key of the job's own, which the vault seals.

Source: `identity/vault.py`, NIST SP 800-38D. Deleting the sealed key destroys the result even
where a copy of its ciphertext survives. Does not protect against someone who reads the node's
memory, or who holds a backup made before the deletion together with the vault's key.
"""

import secrets
from datetime import datetime

from sqlalchemy import Connection, select

from unseen.evidence.canonical import format_time
from unseen.node.errors import InternalError, ResultTooLargeError
from unseen.node.identity.vault import Vault
from unseen.node.jobs.changes import Sealed, no_result
from unseen.node.jobs.kind import MAX_RESULT_BYTES
from unseen.node.release.gate import Held, Released
from unseen.node.store.schema_jobs import results


def seal_result(vault: Vault, job: str, found: Released | Held, until: datetime) -> Sealed:
    """Return what the gate made of a result, sealed under a fresh key, to be kept before `until`.

    Raises:
        InternalError: the gate has not made it, or it has not one part.
        ResultTooLargeError: it has more than 16 MiB.

    """
    if type(found) not in (Released, Held) or len(found.parts) != 1:
        raise InternalError("a result is kept as the gate lets it out, in one part")
    (result,) = found.parts
    if len(result) > MAX_RESULT_BYTES:
        raise ResultTooLargeError(
            f"the result has {len(result)} bytes; {MAX_RESULT_BYTES} are kept at most",
            clause="job.result",
            remedy="ask for less at once",
        )
    key = secrets.token_bytes(32)
    body = Vault(key).seal(_name(job, "result"), result)
    return Sealed(vault.seal(_name(job, "key"), key), body, len(result), until)


def open_result(connection: Connection, vault: Vault, job: str, now: datetime) -> bytes:
    """Return the result of a job, if it may still be fetched at `now`.

    Raises:
        ResultNotFoundError: there is none, or none any more.
        KeyLockedError: the stored bytes were altered.

    """
    row = connection.execute(
        select(results.c.sealed_key, results.c.body).where(
            results.c.job == job, results.c.until > format_time(now)
        )
    ).one_or_none()
    if row is None:
        raise no_result()
    key = vault.open(_name(job, "key"), row.sealed_key)
    return Vault(key).open(_name(job, "result"), row.body)


def _name(job: str, what: str) -> str:
    return f"job/{job}/{what}"
