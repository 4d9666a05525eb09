"""How consents and proofs about them are shown."""

from typing import TYPE_CHECKING

from unseen.cli.output import show_rows
from unseen.cli.words import say

if TYPE_CHECKING:
    from unseen.client.consents import Registered
    from unseen.evidence.canonical import Json
    from unseen.evidence.consents.consent_proof import ConsentProof

_PERMITTED = {
    True: "yes: the job could use the subject's row (可使用)",
    False: "no: the job could not use the subject's row (不可使用)",
    None: "-",
}


def registered_json(found: "Registered") -> "Json":
    """Return a registered consent as JSON."""
    return {
        "id": found.id,
        "consent": found.consent.to_json(),
        "added": found.added,
        "ended": found.ended,
        "ended_at": found.ended_at,
        "cause": found.cause,
    }


def proof_json(proof: "ConsentProof") -> "dict[str, Json]":
    """Return what a proof shows as JSON."""
    return {
        "subject": proof.subject.to_json(),
        "known": proof.known,
        "permitted": proof.permitted,
        "consents": [consent.to_json() for consent in proof.consents],
        "root": proof.root.to_json(),
        "root_leaf": proof.root_index,
        "job": None if proof.job is None else proof.job.job,
        "job_leaf": proof.job_index,
        "job_scope": None if proof.scope is None else proof.scope.to_json(),
        "node": proof.node,
        "log": proof.origin,
    }


def print_proof(proof: "ConsentProof") -> None:
    """Print what a proof shows."""
    from unseen.evidence.canonical import format_time

    rows: list[tuple[str, object]] = [
        ("subject", ", ".join(proof.subject.texts())),
        ("root", f"number {proof.root.number} of {format_time(proof.root.time)}"),
        ("in the log", f"{proof.origin}, entry {proof.root_index}, signed by {proof.node}"),
        ("ever consented", "yes" if proof.known else "no"),
    ]
    for consent in proof.consents:
        until = format_time(consent.until)
        what = f"{consent.scenario}, to {consent.recipient}, until {until}"
        rows.append(("in force", f"{what}, signed by {consent.role}"))
    if not proof.consents:
        rows.append(("in force", "nothing"))
    if proof.job is not None and proof.scope is not None:
        job = f"{proof.job.request.kind} of {format_time(proof.job.time)}, entry {proof.job_index}"
        rows.append(("job", job))
        rows.append(
            ("requested by", f"{proof.scope.recipient}, for {proof.scope.consent.scenario}")
        )
        rows.append(("permitted", _PERMITTED[proof.permitted]))
    show_rows(f"{say('The proof')} {say('holds.')}", rows)
