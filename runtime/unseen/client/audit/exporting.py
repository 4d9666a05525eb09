"""Writing an export: the log's leaves page by page, then everything that they name.

Memory holds a page, and a line about each contract, party and document, never the leaves. What is
on disk already is kept: an export that was interrupted goes on where it stopped, and one that is
finished grows to the present head.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, Self

from unseen.client.cards import Card, Row
from unseen.client.errors import AnswerInvalidError, HomeError
from unseen.client.local.home import write_file
from unseen.client.session import Session
from unseen.evidence import canonical, trust
from unseen.evidence.audit.export import (
    CHECKPOINTS,
    CONTRACTS,
    DOCUMENTS,
    FRAME,
    LEAVES_PER_FILE,
    PARTIES,
    ContractRecord,
    Frame,
    checkpoint_line,
    contract_line,
    document_line,
    entry_line,
    frame_bytes,
    leaves_file,
    parse_entry,
)
from unseen.evidence.canonical import b64decode, b64encode
from unseen.evidence.contracts.contract import Terms
from unseen.evidence.contracts.leakage import Leakage
from unseen.evidence.contracts.plan import Plan
from unseen.evidence.errors import ExportInvalidError, LogForkedError
from unseen.evidence.log import RELEASE, decode_leaf
from unseen.evidence.suite import DIGEST_BYTES, Suite
from unseen.evidence.trust import Trust
from unseen.evidence.verify import verify_checkpoint
from unseen.protocols.tlog import Frontier, SignedNote, join_notes, leaf_hash
from unseen.v1 import (
    audit_pb2,
    audit_pb2_grpc,
    contract_pb2,
    contract_pb2_grpc,
    log_pb2,
    log_pb2_grpc,
)

_PAGE = 500
_RELEASE = b'"type":"%s"' % RELEASE.encode()


@dataclass(frozen=True, slots=True, repr=False)
class Exported(Card):
    """An export on disk. `new` leaves were fetched now; `hidden` ones are there by hash alone."""

    folder: Path
    origin: str
    size: int
    new: int
    hidden: int
    contracts: int
    documents: int
    cosigned: int  # heads with cosignatures

    def _title(self) -> str:
        return f"Export of {self.origin} in {self.folder}"

    def _rows(self) -> Iterator[Row]:
        yield "leaves", f"{self.size:,}, {self.new:,} of them new"
        if self.hidden:
            yield "hidden", f"{self.hidden:,}, here by their hash alone"
        yield "contracts", f"{self.contracts:,}"
        yield "documents", f"{self.documents:,}"
        yield "cosigned", f"{self.cosigned:,} heads"


@dataclass(slots=True)
class _Names:
    """What the leaves so far name: contracts with the digests of their approvals, and parties."""

    suite: Suite
    tree: Frontier
    contracts: dict[str, int] = field(default_factory=dict)
    approvals: dict[str, set[str]] = field(default_factory=dict)
    parties: set[str] = field(default_factory=set)
    hidden: int = 0

    def take(self, hashed: bytes, leaf: bytes | None) -> None:
        """Take note of the next leaf."""
        index = self.tree.append(hashed)
        if leaf is None:
            self.hidden += 1
        elif _RELEASE not in leaf:
            self._event(index, decode_leaf(leaf))

    def _event(self, index: int, leaf: dict[str, Any]) -> None:
        match leaf["type"]:
            case "contract.proposed":
                self.contracts[str(leaf.get("contract"))] = index
            case "contract.approved" | "contract.activated":
                given = self.approvals.setdefault(str(leaf.get("contract")), set())
                given.add(str(leaf.get("approval")))
            case "party.enrolled":
                self.parties.add(str(leaf.get("key")))


class Exporting:
    """Writes exports of one node's log."""

    def __init__(self, session: Session) -> None:
        """Use `session` for the calls."""
        self._session = session
        self._log = log_pb2_grpc.LogServiceStub(session.channel.grpc)
        self._audit = audit_pb2_grpc.AuditServiceStub(session.channel.grpc)
        self._contracts = contract_pb2_grpc.ContractServiceStub(session.channel.grpc)

    def write(self, folder: Path) -> Exported:
        """Write an export into `folder`, or have the one that is there grow; see `Client.export`.

        Raises:
            HomeError: the folder cannot be written.
            ExportInvalidError: what is there is no export of this log.
            LogForkedError: the leaves are not those of the head that the node signed.

        """
        try:
            return self._grow(folder)
        except OSError as error:
            raise HomeError(
                f"cannot write {error.filename or folder}: {error.strerror}",
                clause="export",
                remedy="choose another folder, or free space, and run it again: it goes on",
            ) from None

    def _grow(self, folder: Path) -> Exported:
        origin = self._session.profile.node.log_origin
        (folder / "log").mkdir(parents=True, exist_ok=True)
        (folder / FRAME).unlink(missing_ok=True)  # until everything is there again
        notes = self._heads()
        size = max(notes)
        with _Writer(folder, self._session.suite) as writer:
            start = writer.names.tree.size
            if start > size:
                raise ExportInvalidError(
                    f"{folder} holds {start} leaves, the log has {size}",
                    clause="export.size",
                    remedy="export into an empty folder, and compare: unseen audit compare",
                )
            self._leaves(writer, start, size)
        names = writer.names
        self._check_root(names, notes[size], folder)
        self._keys(folder, names)
        contracts = self._write(folder / CONTRACTS, self._contract_lines(names))
        documents = self._write(folder / DOCUMENTS, self._document_lines(size))
        sizes = sorted(notes)
        lines = [checkpoint_line(each, notes[each]) for each in sizes]
        write_file(folder / CHECKPOINTS, b"".join(lines))
        frame = Frame(self._session.suite.id, origin, size, tuple(sizes), contracts, documents)
        write_file(folder / FRAME, frame_bytes(frame))
        cosigned = sum(len(SignedNote.parse(note).signatures) > 1 for note in notes.values())
        return Exported(
            folder, origin, size, size - start, names.hidden, contracts, documents, cosigned
        )

    def _heads(self) -> dict[int, str]:
        """Return signed notes by their size: the newest head, and those that were cosigned."""
        answer = self._session.call(self._log.GetCheckpoint, log_pb2.GetCheckpointRequest())
        notes: dict[int, str] = {}
        for note in (answer.checkpoint, *answer.cosigned):
            checkpoint = verify_checkpoint(note, self._session.trust)
            if checkpoint.origin != self._session.profile.node.log_origin:
                raise AnswerInvalidError("a checkpoint is of another log", clause="log.origin")
            known = notes.get(checkpoint.size)
            notes[checkpoint.size] = note if known is None else join_notes(known, note)
        newest = verify_checkpoint(answer.checkpoint, self._session.trust).size
        return {size: note for size, note in notes.items() if size <= newest}

    def _leaves(self, writer: "_Writer", start: int, size: int) -> None:
        while start < size:
            request = log_pb2.ListLeavesRequest(start=start, page_size=min(_PAGE, size - start))
            answer = self._session.call(self._log.ListLeaves, request)
            if not answer.leaves or len(answer.leaves) > size - start:
                raise AnswerInvalidError("the node leaves leaves out", clause="leaves")
            hashes = iter(answer.hashes)
            for leaf in answer.leaves:
                writer.add(leaf or None, b"" if leaf else next(hashes, b""))
            start += len(answer.leaves)
            self._session.progress("fetching the log", start, size)

    def _check_root(self, names: _Names, note: str, folder: Path) -> None:
        head = verify_checkpoint(note, self._session.trust)
        if names.tree.root() != head.root:
            raise LogForkedError(
                f"the leaves in {folder} are not those of the head of {head.size} that the node "
                "signed",
                clause="log.root",
                remedy=f"keep {folder}, and export again into an empty folder; if it fails there "
                "too, show both to whoever supervises the node",
            )

    def _keys(self, folder: Path, names: _Names) -> None:
        answer = self._session.call(self._audit.GetKeys, audit_pb2.GetKeysRequest())
        told = trust.parse(answer.keys)
        listed = [
            party
            for party in told.parties.values()
            if party.role == "node" or party.key_id in names.parties
        ]
        kept = Trust.of(listed, told.logs.items())
        write_file(folder / PARTIES, canonical.encode(kept.to_json()) + b"\n")

    def _contract_lines(self, names: _Names) -> Iterator[bytes]:
        for done, (identifier, index) in enumerate(names.contracts.items(), 1):
            request = contract_pb2.GetContractRequest(name=f"contracts/{identifier}")
            found = self._session.call(self._contracts.GetContract, request).contract
            suite, given = self._session.suite, names.approvals.get(identifier, set())
            approvals = {
                item.role: item.token
                for item in found.approvals
                if b64encode(suite.digest(item.token.encode())) in given
            }
            terms = Terms.decode(found.terms)
            if b64encode(terms.id()) != identifier:
                raise AnswerInvalidError("the node returned another contract", clause="contract")
            plan = Plan.from_json(canonical.decode(found.plan))
            leakage = Leakage.from_json(canonical.decode(found.leakage))
            yield contract_line(ContractRecord(index, terms, plan, leakage, approvals))
            self._session.progress("fetching contracts", done, len(names.contracts))

    def _document_lines(self, size: int) -> Iterator[bytes]:
        start, suite = 0, self._session.suite
        while True:
            request = audit_pb2.ListDocumentsRequest(start=start)
            answer = self._session.call(self._audit.ListDocuments, request)
            for document in answer.documents:
                if document.leaf_index >= size:
                    return
                body = document.body.decode()
                yield document_line(suite, document.leaf_index, document.type, body)
            if answer.next_start <= start:
                return
            start = answer.next_start
            self._session.progress("fetching documents", start, size)

    def _write(self, path: Path, lines: Iterator[bytes]) -> int:
        """Write a file as its lines come; return how many there were."""
        part, count = path.with_name(f".{path.name}.part"), 0
        with part.open("wb") as file:
            for line in lines:
                file.write(line)
                count += 1
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
        return count


class _Writer:
    """Appends leaves to the files of the log; begins by reading what is there."""

    def __init__(self, folder: Path, suite: Suite) -> None:
        self._folder, self._suite = folder, suite
        self.names = _Names(suite, Frontier(suite.hash))
        self._file: BinaryIO | None = None
        self._read()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._close()

    def add(self, leaf: bytes | None, hashed: bytes) -> None:
        """Write the next leaf, or its hash alone."""
        index = self.names.tree.size
        if leaf is not None:
            hashed = leaf_hash(leaf, self._suite.hash)
        elif len(hashed) != DIGEST_BYTES:
            raise AnswerInvalidError("the node sent neither a leaf nor its hash", clause="leaves")
        if self._file is None or index % LEAVES_PER_FILE == 0:
            self._close()
            name = leaves_file(index // LEAVES_PER_FILE)
            self._file = (self._folder / name).open("ab")
        self.names.take(hashed, leaf)
        self._file.write(entry_line(index, hashed, leaf))

    def _close(self) -> None:
        if self._file is not None:
            self._file.flush()
            os.fsync(self._file.fileno())
            self._file.close()

    def _read(self) -> None:
        """Take note of the leaves on disk; a last line that was cut off is dropped."""
        number = 0
        while (path := self._folder / leaves_file(number)).exists():
            with path.open("rb+") as file:
                place = 0
                for line in file:
                    entry = parse_entry(line)
                    if entry is None or entry.index != self.names.tree.size:
                        if line.endswith(b"\n"):
                            raise _not_ours(path)
                        break
                    hashed = b64decode(entry.hash.decode())
                    if entry.leaf is not None and hashed != leaf_hash(entry.leaf, self._suite.hash):
                        raise _not_ours(path)
                    self.names.take(hashed, entry.leaf)
                    place += len(line)
                file.truncate(place)
            number += 1


def _not_ours(path: Path) -> ExportInvalidError:
    return ExportInvalidError(
        f"{path} holds something else than the leaves of a log",
        clause=path.name,
        remedy="export into an empty folder",
    )
