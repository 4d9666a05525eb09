"""What a report is computed from: the leaves of a log, its contracts, and the head over them.

A report says which head it rests on, so that whoever has an export of that log computes the same
bytes. Whether the export itself holds is for `evidence.audit` to say; check it first.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from unseen.evidence import jws
from unseen.evidence.audit.export import Export
from unseen.evidence.canonical import Json, b64encode, format_time, parse_time
from unseen.evidence.contracts.contract import Terms
from unseen.evidence.errors import ReportInvalidError
from unseen.evidence.fields import Checker
from unseen.evidence.suite import Suite
from unseen.protocols.tlog.checkpoint import parse_body
from unseen.protocols.tlog.note import SignedNote

_CHECK = Checker(ReportInvalidError, "report")


class Head(NamedTuple):
    """The head of the log that a report rests on; `root` is 32 bytes."""

    origin: str
    size: int
    root: bytes

    def to_json(self) -> dict[str, Json]:
        """Return the head as an object."""
        return {"origin": self.origin, "size": self.size, "root": b64encode(self.root)}


@dataclass(frozen=True, slots=True)
class Span:
    """From `start` up to but not including `until`, both UTC."""

    start: datetime
    until: datetime

    def __post_init__(self) -> None:
        """Check both times and their order."""
        _CHECK.time("from", self.start)
        _CHECK.time("until", self.until)
        if self.start >= self.until:
            _CHECK.fail("until", "is not after the beginning")

    def covers(self, time: datetime) -> bool:
        """Return whether `time` lies within the span."""
        return self.start <= time < self.until

    def to_json(self) -> dict[str, Json]:
        """Return the span as an object."""
        return {"from": format_time(self.start), "until": format_time(self.until)}


@dataclass(frozen=True, slots=True)
class Source:
    """A log to report on. `contracts` maps ids (base64url) to terms."""

    suite: str
    head: Head
    contracts: Mapping[str, Terms]
    leaves: Callable[[], Iterable[Mapping[str, Json]]] = field(repr=False)

    @property
    def operator(self) -> str:
        """The name of the operator's key, as the contracts have it; empty without one."""
        return next((terms.operator for terms in self.contracts.values()), "")

    def within(self, span: Span) -> Iterator[tuple[datetime, str, Mapping[str, Json]]]:
        """Yield time, type and content of the leaves before the end of `span`, in log order."""
        for leaf in self.leaves():
            time = parse_time(str(leaf["time"]))
            if time < span.until:
                yield time, str(leaf["type"]), leaf


def source_of(export: Export) -> Source:
    """Return the source that an export is.

    Raises:
        ReportInvalidError: leaves are hidden in it, or its newest head is malformed.
        ExportInvalidError: it cannot be read.

    """
    newest = ""
    for _, note in export.checkpoints():
        newest = note
    checkpoint = parse_body(SignedNote.parse(newest).body)
    if checkpoint.size != export.frame.size:
        _CHECK.fail("head", "is not over all leaves of the export")
    return Source(
        export.frame.suite,
        Head(checkpoint.origin, checkpoint.size, checkpoint.root),
        {b64encode(record.id): record.terms for record in export.contracts()},
        lambda: _shown(export),
    )


def _shown(export: Export) -> Iterator[Mapping[str, Json]]:
    count = 0
    for index, leaf in export.leaves():
        if index != count:
            _CHECK.fail("leaves", "are hidden in this export: let the operator export")
        count += 1
        yield leaf
    if count != export.frame.size:
        _CHECK.fail("leaves", "are hidden in this export: let the operator export")


def verify_report(
    token: str, typ: str, kind: str, suite: Suite, operator_key: bytes
) -> dict[str, Json]:
    """Return the report of type `kind` that the owner of `operator_key` signed as `typ`.

    Raises:
        ReportInvalidError: it is none.
        SignatureInvalidError: the signature fails.
        CanonicalError: the token is malformed.

    """
    payload = jws.verify(token, typ=typ, suite=suite, public_key=operator_key)
    if type(payload) is not dict or payload.get("type") != kind:
        _CHECK.fail("type", f"is not {kind}")
    return payload
