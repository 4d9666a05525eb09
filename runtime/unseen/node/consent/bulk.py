"""Many consents and withdrawals in one call: all checked before the first is written.

Documents arrive in batches, are checked in workers, and wait, sealed, in a file of the spool. If
any cannot be taken, none is, and one error names their lines. Then they are written in chunks, so
that nobody else waits long; a node that stops in between has taken some, and a file that is handed
over again with `resume` goes on behind them.
"""

import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, Self

from unseen.evidence import canonical, jws
from unseen.evidence.consents.consent import TYP, WITHDRAWAL_TYP, verify_withdrawal
from unseen.evidence.errors import ConsentInvalidError
from unseen.node.consent.changes import CHUNK, Entry, PutConsents, known_consents
from unseen.node.consent.register import (
    checked,
    end,
    target_of,
    tree_of,
    withdrawal_keys,
)
from unseen.node.consent.tree import Root, newest_root
from unseen.node.context import Node
from unseen.node.errors import ConsentBulkError, ConsentReplayedError, FieldInvalidError
from unseen.node.identity.parties import Caller
from unseen.node.jobs import frames
from unseen.protocols.errors import UnseenError

MAX_DOCUMENTS = 100_000  # in one call; a longer file is several
_TOLD = 400  # characters of an error that name lines
_CONSENT, _WITHDRAWAL = b"C", b"W"


@dataclass(frozen=True, slots=True)
class Summary:
    """What became of the documents: `known` ones were there before and left as they are."""

    added: int
    withdrawn: int
    known: int
    root: Root


@dataclass(slots=True)
class Bulk:
    """One call under way."""

    node: Node
    caller: Caller
    resume: bool
    spool: Path
    file: BinaryIO
    lines: int = 0
    known: int = 0
    seen: set[str] = field(default_factory=set)
    failed: dict[str, list[int]] = field(default_factory=dict)

    @classmethod
    async def begin(cls, node: Node, caller: Caller, *, resume: bool, name: str) -> Self:
        """Open the file that documents wait in."""
        await tree_of(node)
        spool = node.spool_path(name)
        spool.mkdir(parents=True, mode=0o700)
        return cls(node, caller, resume, spool, (spool / "documents").open("x+b"))

    async def take(self, documents: Sequence[str]) -> None:
        """Check the next documents; what cannot be taken is remembered by its line.

        Raises:
            FieldInvalidError: there are more than a call may bring.

        """
        if self.lines + len(documents) > MAX_DOCUMENTS:
            raise FieldInvalidError(
                f"one call brings at most {MAX_DOCUMENTS} documents",
                clause="documents",
                remedy="hand the rest over in another call",
            )
        first, self.lines = self.lines + 1, self.lines + len(documents)
        lines = dict(enumerate(documents, first))
        typed = {line: _type_of(document) for line, document in lines.items()}
        given = [line for line, kind in typed.items() if kind == TYP]
        entries = await checked(self.node, self.caller, [lines[line] for line in given])
        for line, entry in zip(given, entries, strict=True):
            self._keep_consent(line, entry)
        for line, kind in typed.items():
            if kind == WITHDRAWAL_TYP:
                self._keep_withdrawal(line, lines[line])
            elif kind != TYP:
                self._fail(line, ConsentInvalidError("", clause="document"))

    async def finish(self) -> Summary:
        """Write everything, in the order in which it came.

        Raises:
            ConsentBulkError: some lines cannot be taken; none was.

        """
        if self.failed:
            raise self._refusal()
        tree = await tree_of(self.node)
        added = withdrawn = 0
        root = newest_root(self.node.reader.connection)
        for kind, chunk in self._chunks():
            if kind == _CONSENT:
                entries = [Entry(self.caller.party, _body(item[1])) for item in chunk]
                root = await self.node.writer.submit(PutConsents(tree, entries))
                added += len(entries)
            else:
                tokens = {item[1].decode(): item[2].decode() for item in chunk}
                root = await end(self.node, tree, tokens)
                withdrawn += len(tokens)
        return Summary(added, withdrawn, self.known, root)

    def close(self) -> None:
        """Delete what waited."""
        self.file.close()
        shutil.rmtree(self.spool, ignore_errors=True)

    def _keep_consent(self, line: int, entry: Entry | UnseenError) -> None:
        if isinstance(entry, UnseenError):
            self._fail(line, entry)
            return
        if entry.id in self.seen:
            self._fail(line, ConsentReplayedError("", clause="consent.nonce"))
        elif known_consents(self.node.reader.connection, [entry.id]):
            if self.resume:
                self.known += 1
            else:
                self._fail(line, ConsentReplayedError("", clause="consent.nonce"))
        else:
            self._write([_CONSENT, canonical.encode(dict(entry.body))])
        self.seen.add(entry.id)

    def _keep_withdrawal(self, line: int, token: str) -> None:
        try:
            name, target = target_of(token)
            if target != "consent":
                raise ConsentInvalidError("", clause="target")
            keys = withdrawal_keys(self.node, self.caller, name)
            verify_withdrawal(token, self.node.suite, keys)
        except UnseenError as error:
            self._fail(line, error)
        else:
            self._write([_WITHDRAWAL, name.encode(), token.encode()])

    def _write(self, parts: list[bytes]) -> None:
        self.file.write(frames.framed(frames.pack(parts)))

    def _fail(self, line: int, error: UnseenError) -> None:
        why = f"{error.reason} ({error.clause})" if error.clause else error.reason
        self.failed.setdefault(why, []).append(line)

    def _refusal(self) -> ConsentBulkError:
        count = sum(map(len, self.failed.values()))
        told = "; ".join(f"{why}: {_ranges(lines)}" for why, lines in self.failed.items())
        cut = told if len(told) <= _TOLD else f"{told[:_TOLD]}..."
        return ConsentBulkError(
            f"{count} of {self.lines} lines cannot be taken, and none was. {cut}",
            clause="consent.lines",
            remedy="correct these lines and hand the file over again",
        )

    def _chunks(self) -> Iterator[tuple[bytes, list[list[bytes]]]]:
        """Yield runs of one kind, at most a chunk each, in the order of the file."""
        self.file.seek(0)
        run: list[list[bytes]] = []
        while header := self.file.read(frames.HEADER_BYTES):
            item = frames.unpack(self.file.read(frames.frame_size(header)))
            if run and (item[0] != run[0][0] or len(run) == CHUNK):
                yield run[0][0], run
                run = []
            run.append(item)
        if run:
            yield run[0][0], run


def _body(data: bytes) -> dict[str, canonical.Json]:
    body = canonical.decode(data)
    return body if isinstance(body, dict) else {}


def _type_of(document: str) -> str:
    try:
        return jws.peek(document).typ
    except UnseenError:
        return ""


def _ranges(lines: Sequence[int]) -> str:
    """Return ascending numbers as people write them: 1, 4-6, 9."""
    found: list[tuple[int, int]] = []
    for line in lines:
        if found and found[-1][1] == line - 1:
            found[-1] = (found[-1][0], line)
        else:
            found.append((line, line))
    return ", ".join(str(a) if a == b else f"{a}-{b}" for a, b in found)
