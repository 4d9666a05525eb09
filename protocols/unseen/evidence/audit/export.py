"""An export: a node's log with everything that is needed to recompute it, in a folder of files.

    export.json             frame: log, number of leaves, which checkpoints
    checkpoints.jsonl       signed heads (C2SP signed notes), the last one over all leaves
    parties.json            the parties' keys as the node tells them: nobody has to believe it
    contracts.jsonl         terms, plan, leakage statement and approvals, by the proposing leaf
    documents.jsonl         every signed document that a leaf names, by the first such leaf
    log/00000000.jsonl ...  the leaves with their hashes, 16,384 a file

Every line is canonical JSON with one line end, so that each byte of an export either says
something that `evidence.audit` checks or is an error. Two things say what nobody can check: the
signatures under a head by keys that the trust file does not list (C2SP has them ignored), and
documents of a type that has no verifier, which a report counts. A leaf that a reader may not see
is there by its hash alone: the tree over all leaves can still be computed.

Reading is strict about form and believes nothing: `evidence.audit.check` verifies. This module
touches no disk; whoever has the files hands them over as `Files`.
"""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import islice
from types import MappingProxyType
from typing import Any, NoReturn, Protocol, Self

from unseen.evidence import canonical
from unseen.evidence.canonical import Json, b64encode
from unseen.evidence.contracts.contract import Terms
from unseen.evidence.contracts.leakage import Leakage
from unseen.evidence.contracts.plan import Plan
from unseen.evidence.errors import EvidenceError, ExportInvalidError
from unseen.evidence.fields import Checker, head
from unseen.evidence.log import RELEASE, ReleaseLeaf, decode_leaf
from unseen.evidence.suite import Suite, suite_of
from unseen.evidence.trust import Trust
from unseen.evidence.trust import parse as parse_trust

FRAME = "export.json"
CHECKPOINTS = "checkpoints.jsonl"
PARTIES = "parties.json"
CONTRACTS = "contracts.jsonl"
DOCUMENTS = "documents.jsonl"
LEAVES_PER_FILE = 1 << 14
MAX_CHECKPOINTS = 64
MAX_LINE_BYTES = canonical.MAX_BYTES + 1

_CHECK = Checker(ExportInvalidError, "export")
_FRAME_FIELDS = ("origin", "size", "checkpoints", "contracts", "documents")
_CONTRACT_FIELDS = ("index", "terms", "plan", "leakage", "approvals")
_DOCUMENT_FIELDS = ("index", "id", "kind", "body")
_HASH = rb"[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]"
_NUMBER = rb"0|[1-9][0-9]{0,15}"
_LINE = re.compile(
    rb'\{"hash":"(' + _HASH + rb')","index":(' + _NUMBER + rb')(?:,"leaf":(\{.*\}))?\}\n', re.DOTALL
)


class Files(Protocol):
    """The files of one export, wherever they lie. Names are as in this module, with slashes."""

    def has(self, name: str) -> bool:
        """Return whether there is a file of this name."""

    def lines(self, name: str) -> Iterator[bytes]:
        """Yield the lines of a file, each with its line end, and no more than one line ahead."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the log: `hash` (base64url) and canonical bytes of a leaf, if they are here.

    Nothing is checked but the form of the line: `leaf` may not hash to `hash`.
    """

    index: int
    hash: bytes
    leaf: bytes | None


@dataclass(frozen=True, slots=True)
class Document:
    """A signed document, JWS or canonical JSON as text, by its type. `id` is its hash.

    `index` is the first leaf that names it.
    """

    index: int
    id: bytes
    type: str
    body: str


@dataclass(frozen=True, slots=True)
class Frame:
    """What an export says it holds. `checkpoints` are sizes, ascending; the last is `size`."""

    suite: str
    origin: str
    size: int
    checkpoints: tuple[int, ...]
    contracts: int
    documents: int

    def __post_init__(self) -> None:
        """Check every field."""
        _CHECK.suite(self.suite)
        _CHECK.origin("origin", self.origin)
        for name in ("size", "contracts", "documents"):
            _CHECK.integer(name, getattr(self, name), 0)
        _CHECK.members("checkpoints", self.checkpoints, int, MAX_CHECKPOINTS, 1)
        ascending = all(a < b for a, b in zip(self.checkpoints, self.checkpoints[1:], strict=False))
        if not ascending or self.checkpoints[0] < 0 or self.checkpoints[-1] != self.size:
            _CHECK.fail("checkpoints", "do not ascend to the size")

    def to_json(self) -> dict[str, Json]:
        """Return the content of `export.json`."""
        return head("export", self.suite) | {
            "origin": self.origin,
            "size": self.size,
            "checkpoints": list(self.checkpoints),
            "contracts": self.contracts,
            "documents": self.documents,
        }

    @classmethod
    def from_json(cls, value: Json) -> Self:
        """Return the frame that `to_json` gives `value` for.

        Raises:
            ExportInvalidError: a field is missing, not known, of another type or out of range.
            SuiteUnknownError: the suite is not known here.

        """
        body = _CHECK.body(value, "export", _FRAME_FIELDS)
        sizes = tuple(_CHECK.unlist("checkpoints", body["checkpoints"]))
        fields = {name: body[name] for name in _FRAME_FIELDS} | {"checkpoints": sizes}
        return cls(suite=body["suite"], **fields)


@dataclass(frozen=True, slots=True)
class ContractRecord:
    """A contract as it is exported: all that its id fixes, and the approvals by their role.

    `index` is the leaf that proposed it. Making one from JSON checks form and digests: that plan
    and leakage statement are those of the terms. It does not check the approvals.
    """

    index: int
    terms: Terms
    plan: Plan
    leakage: Leakage
    approvals: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Check that the parts belong together."""
        _CHECK.integer("contract.index", self.index, 0)
        suite = suite_of(self.terms.suite)
        for name, part in (("plan", self.plan), ("leakage", self.leakage)):
            if part.digest(suite) != getattr(self.terms, name):
                _CHECK.fail(f"contract.{name}", "is not the one that the terms name")

    @property
    def id(self) -> bytes:
        """The contract's id, 32 bytes."""
        return self.terms.id()

    def to_json(self) -> dict[str, Json]:
        """Return the record as an object."""
        return head("contract-record", self.terms.suite) | {
            "index": self.index,
            "terms": self.terms.to_json(),
            "plan": self.plan.to_json(),
            "leakage": self.leakage.to_json(),
            "approvals": dict(self.approvals),
        }

    @classmethod
    def from_json(cls, value: Json) -> Self:
        """Return the record that `to_json` gives `value` for.

        Raises:
            ExportInvalidError: a field is missing or not known, or the parts do not fit.
            ContractInvalidError: terms, plan or leakage statement are malformed.
            SuiteUnknownError: the suite is not known here.

        """
        body = _CHECK.body(value, "contract-record", _CONTRACT_FIELDS)
        approvals = body["approvals"]
        if type(approvals) is not dict:
            _CHECK.fail("contract.approvals", "is not an object")
        for role, token in approvals.items():
            _CHECK.token("contract.approvals", role)
            if type(token) is not str:
                _CHECK.fail("contract.approvals", "is not text")
        found = cls(
            body["index"],
            Terms.from_json(body["terms"]),
            Plan.from_json(body["plan"]),
            Leakage.from_json(body["leakage"]),
            MappingProxyType(approvals),
        )
        if found.terms.suite != body["suite"]:
            _CHECK.fail("contract.suite", "is not that of the terms")
        return found


def frame_bytes(frame: Frame) -> bytes:
    """Return the bytes of `export.json`."""
    return canonical.encode(frame.to_json()) + b"\n"


def contract_line(record: ContractRecord) -> bytes:
    """Return the line of a contract."""
    return canonical.encode(record.to_json()) + b"\n"


def document_line(suite: Suite, index: int, kind: str, body: str) -> bytes:
    """Return the line of a document of type `kind`, named first by the leaf at `index`."""
    value = head("document", suite.id) | {"index": index, "kind": kind, "body": body}
    value["id"] = b64encode(suite.digest(body.encode()))
    return canonical.encode(value) + b"\n"


def checkpoint_line(size: int, note: str) -> bytes:
    """Return the line of a signed note over `size` leaves."""
    return canonical.encode({"size": size, "note": note}) + b"\n"


def entry_line(index: int, hash: bytes, leaf: bytes | None) -> bytes:  # noqa: A002 - its name
    """Return the line of a leaf by its hash, 32 bytes, and its canonical bytes if shown."""
    frame = b'{"hash":"%s","index":%d' % (b64encode(hash).encode(), index)
    return frame + (b"}\n" if leaf is None else b',"leaf":%s}\n' % leaf)


def node_name(origin: str) -> str:
    """Return what an export calls the node of a log: the log's name before its slash."""
    return origin.partition("/")[0].removesuffix(".unseen")


def leaves_file(number: int) -> str:
    """Return the name of the file with the leaves from `number` * 16,384 on."""
    return f"log/{number:08d}.jsonl"


class Export:
    """An export, read as a stream. Nothing is verified; errors name file and line."""

    def __init__(self, files: Files) -> None:
        """Read the frame.

        Raises:
            ExportInvalidError: this is no export, or its frame is malformed.

        """
        self.files = files
        if not files.has(FRAME):
            raise ExportInvalidError(
                f"there is no {FRAME}: this is no export, or one that was not finished",
                clause=FRAME,
                remedy="write it, or finish it: unseen audit export DIR",
            )
        lines = list(islice(self.lines(FRAME), 2))
        with placed(FRAME, 1):
            if len(lines) != 1:
                _CHECK.fail("frame", "is not one line")
            self.frame = Frame.from_json(canonical.decode(lines[0]))

    @property
    def suite(self) -> Suite:
        """The suite of the log."""
        return suite_of(self.frame.suite)

    def checkpoints(self) -> Iterator[tuple[int, str]]:
        """Yield size and signed note of every checkpoint, in their order."""
        for number, line in enumerate(self.lines(CHECKPOINTS), 1):
            with placed(CHECKPOINTS, number):
                body = _CHECK.take(canonical.decode(line), ("size", "note"), "checkpoint")
                _CHECK.integer("checkpoint.size", body["size"], 0)
                if type(body["note"]) is not str:
                    _CHECK.fail("checkpoint.note", "is not text")
            yield body["size"], body["note"]

    def entries(self) -> Iterator[Entry]:
        """Yield the lines of the log, in the order of the files.

        Raises:
            ExportInvalidError: a line is not one of an export; or a file is missing.

        """
        for number in range(-(-self.frame.size // LEAVES_PER_FILE)):
            name = leaves_file(number)
            for count, line in enumerate(self._raw(name), 1):
                entry = parse_entry(line)
                if entry is None:
                    _fail_at(name, count, "is not an entry of the log")
                yield entry

    def leaves(self) -> Iterator[tuple[int, dict[str, Json]]]:
        """Yield index and content of every leaf that is shown, decoded."""
        for entry in self.entries():
            if entry.leaf is not None:
                yield entry.index, decode_leaf(entry.leaf)

    def releases(self, contract: bytes | None = None) -> Iterator[tuple[int, ReleaseLeaf]]:
        """Yield index and content of every release, of one contract if its id is given."""
        wanted = b"" if contract is None else b'"%s"' % b64encode(contract).encode()
        for entry in self.entries():
            # Most leaves are other contracts': those are not decoded.
            if entry.leaf is None or wanted not in entry.leaf:
                continue
            leaf = decode_leaf(entry.leaf)
            if leaf["type"] == RELEASE:
                found = ReleaseLeaf.from_json(leaf)
                if contract in {None, found.request.contract}:
                    yield entry.index, found

    def contracts(self) -> Iterator[ContractRecord]:
        """Yield every contract, in the order of the log.

        Raises:
            ExportInvalidError: a line is malformed, or does not follow the one before.

        """
        before = -1
        for number, line in enumerate(self.lines(CONTRACTS), 1):
            with placed(CONTRACTS, number):
                record = parse_contract(line, before)
            before = record.index
            yield record

    def contract(self, identifier: bytes) -> ContractRecord:
        """Return the contract of this id, 32 bytes.

        Raises:
            ExportInvalidError: it is not in the export.

        """
        for record in self.contracts():
            if record.id == identifier:
                return record
        raise ExportInvalidError(
            "the export holds no contract of this id",
            clause=CONTRACTS,
            remedy="take an export of the node that the contract is with",
        )

    def documents(self, kind: str | None = None) -> Iterator[Document]:
        """Yield every document, in the order of the log; of one type if `kind` says.

        Raises:
            ExportInvalidError: a line is malformed, does not follow the one before, or its id is
                not the hash of its body.

        """
        before = -1
        for number, line in enumerate(self.lines(DOCUMENTS), 1):
            with placed(DOCUMENTS, number):
                document = parse_document(line, before)
            before = document.index
            if kind in {None, document.type}:
                yield document

    def document(self, identifier: bytes) -> Document:
        """Return the document of this id, 32 bytes.

        Raises:
            ExportInvalidError: it is not in the export.

        """
        for document in self.documents():
            if document.id == identifier:
                return document
        raise ExportInvalidError(
            "the export holds no document of this id", clause=DOCUMENTS, remedy="export anew"
        )

    def parties(self) -> Trust:
        """Return the parties' keys as the node tells them; nobody has to believe it.

        Raises:
            ExportInvalidError: the file is missing, malformed, or not in its one form.

        """
        lines = list(islice(self.lines(PARTIES), 2))
        with placed(PARTIES, 1):
            if len(lines) != 1:
                _CHECK.fail("parties", "are not one line")
            canonical.decode(lines[0])
            return parse_trust(lines[0])

    def lines(self, name: str) -> Iterator[bytes]:
        """Yield the lines of a file without their ends.

        Raises:
            ExportInvalidError: the file is missing, or a line has no end or is too long.

        """
        for number, line in enumerate(self._raw(name), 1):
            if not line.endswith(b"\n") or len(line) > MAX_LINE_BYTES:
                _fail_at(name, number, "has no end or is too long")
            yield line[:-1]

    def _raw(self, name: str) -> Iterator[bytes]:
        if not self.files.has(name):
            raise ExportInvalidError(f"the file {name} is missing", clause=name)
        return self.files.lines(name)


def parse_entry(line: bytes) -> Entry | None:
    """Return the entry in a line of the log, with its line end, or None if it is none."""
    found = _LINE.fullmatch(line)
    if found is None:
        return None
    hashed, index, leaf = found.groups()
    return Entry(int(index), hashed, leaf)


def parse_contract(line: bytes, before: int = -1) -> ContractRecord:
    """Return the contract in a line without its end; `before` is the index in the line above.

    Raises:
        EvidenceError: the line is malformed, or does not follow the one above.

    """
    record = ContractRecord.from_json(canonical.decode(line))
    if record.index <= before:
        _CHECK.fail("contract", "is not in the order of the log, each once")
    return record


def parse_document(line: bytes, before: int = -1) -> Document:
    """Return the document in a line without its end; `before` is the index in the line above.

    Raises:
        EvidenceError: the line is malformed, does not follow the one above, or the document's id
            is not the hash of its body.

    """
    body: dict[str, Any] = _CHECK.body(canonical.decode(line), "document", _DOCUMENT_FIELDS)
    _CHECK.token("document.kind", body["kind"])
    if type(body["body"]) is not str:
        _CHECK.fail("document.body", "is not text")
    identifier = _CHECK.unb64("document.id", body["id"])
    if suite_of(body["suite"]).digest(body["body"].encode()) != identifier:
        _CHECK.fail("document.id", "is not the hash of its body")
    _CHECK.integer("document.index", body["index"], 0)
    if body["index"] <= before:
        _CHECK.fail("document", "is not in the order of the log, each once")
    return Document(body["index"], identifier, body["kind"], body["body"])


@contextmanager
def placed(name: str, number: int) -> Iterator[None]:
    """Let an error of the block say in which line of which file it is."""
    try:
        yield
    except EvidenceError as error:
        place = f"{name}:{number}"
        raise ExportInvalidError(f"{name}, line {number}: {error}", clause=place) from None


def _fail_at(name: str, number: int, why: str) -> NoReturn:
    raise ExportInvalidError(f"{name}, line {number} {why}", clause=f"{name}:{number}")
