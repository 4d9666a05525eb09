"""What an audit says at its end, as data and as lines to read."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from unseen.evidence.audit.findings import Finding
from unseen.evidence.audit.heads import Witnessed
from unseen.evidence.audit.privacy import TableSpent, rho
from unseen.evidence.canonical import Json, b64encode, format_time


@dataclass(frozen=True, slots=True)
class ContractSum:
    """What the log says of one contract at its end."""

    contract: str
    product: str
    state: str
    requests: int
    units: int
    quota: int
    privacy: int = 0  # units of 10^-12 of rho


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """The outcome of an audit.

    `hidden` leaves were there by their hash alone. `unverified` counts the documents, by type,
    for whose type this program has no verifier: they are the ones that the log names, and no more
    is known of them. `witnessed` leaves are covered by the heads of as many witnesses as were
    asked for. `found` is how many findings there are; `findings` are the first of them.
    """

    node: str
    origin: str
    size: int
    root: bytes
    full: bool
    hidden: int
    events: Mapping[str, int]
    releases: int
    units: int
    signatures: int
    contracts: tuple[ContractSum, ...]
    privacy: tuple[TableSpent, ...]
    documents: Mapping[str, int]
    unverified: Mapping[str, int]
    witnesses: tuple[Witnessed, ...]
    witnessed: int
    found: int
    findings: tuple[Finding, ...]

    @property
    def ok(self) -> bool:
        """Return whether nothing was found."""
        return not self.found

    def rows(self) -> Iterator[tuple[str, str]]:
        """Yield what was recomputed, to be shown as rows."""
        yield "log", f"{self.origin}, {self.size:,} leaves"
        yield "root", b64encode(self.root)
        if self.hidden:
            yield "hidden", f"{self.hidden:,} leaves are here by their hash alone"
        for witness in self.witnesses:
            when = format_time(witness.time)
            yield "witness", f"{witness.witness} cosigned {witness.size:,} leaves at {when}"
        if not self.full:
            yield "checked", "tree, sequence and form of every leaf; no signature of a request"
            return
        authorized = ", each authorized" if self.ok else ""
        yield "releases", f"{self.releases:,} of {self.units:,} units{authorized}"
        yield "signatures", f"{self.signatures:,} of requests"
        yield "contracts", f"{len(self.contracts):,}"
        for ledger in self.privacy:
            of = f"rho {rho(ledger.limit)}: epsilon {ledger.epsilon} at delta {ledger.delta}"
            said = f"rho {rho(ledger.spent)} of {of if ledger.epsilon else 'no budget'}"
            yield "privacy", f"table {ledger.table}: {said}"
        yield "documents", _counted(self.documents)
        if self.unverified:
            yield (
                "not verified",
                f"{_counted(self.unverified)}: named by the log, form unknown here",
            )

    def to_json(self) -> dict[str, Json]:
        """Return the report as an object."""
        return {
            "ok": self.ok,
            "node": self.node,
            "origin": self.origin,
            "size": self.size,
            "root": b64encode(self.root),
            "full": self.full,
            "hidden": self.hidden,
            "events": dict(self.events),
            "releases": self.releases,
            "units": self.units,
            "signatures": self.signatures,
            "contracts": [
                {
                    "contract": item.contract,
                    "product": item.product,
                    "state": item.state,
                    "requests": item.requests,
                    "units": item.units,
                    "quota": item.quota,
                    "privacy": rho(item.privacy),
                }
                for item in self.contracts
            ],
            "privacy": [
                {
                    "table": ledger.table,
                    "epsilon": ledger.epsilon,
                    "delta": ledger.delta,
                    "limit": rho(ledger.limit),
                    "spent": rho(ledger.spent),
                }
                for ledger in self.privacy
            ],
            "documents": dict(self.documents),
            "unverified": dict(self.unverified),
            "witnesses": [item.to_json() for item in self.witnesses],
            "witnessed": self.witnessed,
            "found": self.found,
            "findings": [finding.to_json() for finding in self.findings],
        }


def _counted(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{count:,} {name}" for name, count in Counter(counts).most_common()) or "none"
