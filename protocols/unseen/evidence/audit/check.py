"""The offline check of an export: recomputes everything that a node's log claims.

    tree        every leaf's hash, every index once, the root of every signed head
    frame       every leaf canonical, of a known type, in time's order
    replay      parties, instances, tables, contracts and epochs, leaf by leaf (`replay.py`)
    releases    contract in force, request signed by a certified instance, epoch, quota, totals
    privacy     budgets of tables and contracts, and what was spent of them (`privacy.py`)
    documents   each named by a leaf, by its hash, and of the type that such a leaf names;
                signatures where the type is known
    stops       each on an order signed for it, and lifted by whoever gave it (`stops.py`)
    registry    certificates have one chain each (`certificates.py`), handovers their operator

Its inputs are the export and a trust file. It reads no clock and no network. What it finds it
collects, so that one altered leaf does not hide the next; what makes an export unreadable as a
whole it raises.

It proves that the log is consistent with itself and with what was signed. It does not prove that
everybody was shown this log (hold heads of others against it, and ask for witnesses), nor that
an answer was true of the table.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from unseen.evidence.audit.context import Context
from unseen.evidence.audit.documents import VERIFIERS
from unseen.evidence.audit.export import (
    CHECKPOINTS,
    FRAME,
    LEAVES_PER_FILE,
    Export,
    leaves_file,
    parse_entry,
)
from unseen.evidence.audit.findings import EXPORTER, Findings
from unseen.evidence.audit.heads import Head, Witnessed, by_size, read_head
from unseen.evidence.audit.leaves import Release, read_leaf
from unseen.evidence.audit.replay import Replay
from unseen.evidence.audit.report import ContractSum, Report
from unseen.evidence.audit.signatures import VerifyAll, verify_all
from unseen.evidence.audit.tree import TreeCheck
from unseen.evidence.errors import EvidenceError, ExportInvalidError
from unseen.evidence.trust import Trust
from unseen.protocols.errors import PeerError, UnseenError

Progress = Callable[[int, int], None]
"""`progress(done, total)`, in leaves."""
_REPORT_EVERY = 1 << 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """What is asked of an export.

    Without `full` only tree, sequence and form are checked. `heads` are signed notes that
    somebody was shown, each with a name for its source: the log has to lead to them. So many
    `witnesses`, of those the trust file lists, have to have cosigned a head. Leaves that are there
    by their hash alone are findings, unless the export is `partial`: one by a party that may not
    see all.
    """

    full: bool = True
    heads: Sequence[tuple[str, str]] = ()
    witnesses: int = 0
    partial: bool = False


def check_export(
    export: Export,
    trust: Trust,
    policy: Policy = Policy(),
    *,
    verify: VerifyAll = verify_all,
    progress: Progress | None = None,
) -> Report:
    """Return what recomputing `export` shows to someone who trusts `trust`.

    `verify` checks the signatures of requests. Memory grows with contracts, documents, and by
    about 100 bytes for each release; the leaves are never held.

    Raises:
        ExportInvalidError: the export cannot be read as a whole.
        TrustMissingError: the trust file lists no such log, or not its node.
        EvidenceError: one of the policy's heads does not verify.

    """
    return _Check(export, trust, policy, verify).run(progress)


class _Check:
    """One check under way."""

    def __init__(self, export: Export, trust: Trust, policy: Policy, verify: VerifyAll) -> None:
        frame, self._findings = export.frame, Findings()
        self._export, self._trust, self._size = export, trust, frame.size
        self._context = Context.of(trust, frame.origin, self._findings, verify)
        if frame.suite != self._context.suite.id:
            raise ExportInvalidError("the export is of another suite than the log", clause="suite")
        self._replay = Replay(self._context, export) if policy.full else None
        self._counts: Counter[str] = Counter()
        self._hidden, self._policy = 0, policy
        self._time = datetime.min.replace(tzinfo=UTC)

    def run(self, progress: Progress | None) -> Report:
        """Check everything, in the order of the log."""
        listed = [*self._own_heads(), *self._given_heads()]
        checkpoints = by_size(listed, self._context.node.name, self._findings)
        tree = TreeCheck(self._context.suite, checkpoints, self._findings)
        if self._replay is not None:
            self._replay.oversight.root = tree.root
        for number in self._files():
            name = leaves_file(number)
            for count, line in enumerate(self._export.files.lines(name), 1):
                self._line(tree, line, number, f"{name}:{count}")
                if progress is not None and tree.size % _REPORT_EVERY == 0:
                    progress(tree.size, self._size)
        self._context.altered = False
        tree.finish()
        if self._replay is not None:
            self._replay.finish(self._size)
            self._context.pending.finish()
            self._check_counts(self._replay)
        if tree.size != self._size:
            self._exporter("export.size", tree.size, f"says {self._size} leaves", FRAME)
        return self._report(tree, _witnesses(listed))

    def _own_heads(self) -> Iterator[Head]:
        sizes = []
        try:
            for number, (size, note) in enumerate(self._export.checkpoints(), 1):
                sizes.append(size)
                yield from self._own_head(size, note, f"{CHECKPOINTS}:{number}")
        except ExportInvalidError as error:
            self._exporter("export.checkpoints", self._size, str(error), error.clause)
        if tuple(sizes) != self._export.frame.checkpoints:
            what = "does not hold the heads that the export says it holds"
            self._exporter("export.checkpoints", self._size, what, CHECKPOINTS)

    def _own_head(self, size: int, note: str, where: str) -> Iterator[Head]:
        try:
            head = read_head(where, note, self._trust)
        except UnseenError as error:
            self._exporter("log.head", size, f"a signed head does not hold: {error}", where)
            return
        found = (head.checkpoint.origin, head.checkpoint.size)
        if found == (self._export.frame.origin, size):
            yield head
        else:
            self._exporter("log.head", size, "a signed head is of another size or log", where)

    def _given_heads(self) -> Iterator[Head]:
        for source, note in self._policy.heads:
            head = read_head(source, note, self._trust)
            if head.checkpoint.origin != self._export.frame.origin:
                raise ExportInvalidError(f"{source} is a head of another log", clause="heads")
            if head.checkpoint.size > self._size:
                what = f"{source} is of {head.checkpoint.size} leaves: the log was rolled back, "
                what += "or the export is older"
                self._context.fail("log.rolled_back", self._size, what)
            yield head

    def _files(self) -> Iterator[int]:
        number = 0
        while self._export.files.has(leaves_file(number)):
            yield number
            number += 1
        if number < -(-self._size // LEAVES_PER_FILE):
            what = "a file of leaves is missing"
            self._exporter("export.leaves", number * LEAVES_PER_FILE, what, leaves_file(number))

    def _line(self, tree: TreeCheck, line: bytes, file: int, where: str) -> None:
        entry = parse_entry(line)
        if entry is None:
            self._exporter("log.line", tree.size, "is not a line of an export", where)
            return
        if entry.index // LEAVES_PER_FILE != file:
            self._exporter("log.line", tree.size, "is in another file than its index says", where)
        if not tree.place(entry.index, where):
            return
        if entry.leaf is None:
            self._hidden += 1
            if not self._policy.partial:
                self._exporter("leaf.hidden", entry.index, "is here by its hash alone", where)
            tree.hidden(entry.hash)
            return
        self._context.altered = not tree.leaf(entry.leaf, entry.hash, where)
        self._leaf(entry.index, entry.leaf)

    def _leaf(self, index: int, data: bytes) -> None:
        try:
            leaf = read_leaf(data, self._context.suite)
        except (EvidenceError, PeerError) as error:
            self._context.fail("leaf.form", index, f"is malformed: {error}")
            return
        self._counts["release" if isinstance(leaf, Release) else leaf.type] += 1
        if leaf.time < self._time:
            self._context.fail("log.time", index, "is dated before the leaf above it")
        else:
            self._time = leaf.time
        if self._replay is not None:
            self._replay.leaf(index, leaf)

    def _check_counts(self, replay: Replay) -> None:
        frame = self._export.frame
        found = (len(replay.contracts.by_id), len(self._context.documents))
        if found != (frame.contracts, frame.documents):
            what = f"says {frame.contracts} contracts and {frame.documents} documents"
            self._exporter("export.count", self._size, what, FRAME)

    def _report(self, tree: TreeCheck, found: tuple[Witnessed, ...]) -> Report:
        witnesses = self._policy.witnesses
        if len(found) < witnesses:
            what = f"{len(found)} of {witnesses} witnesses have cosigned a head of it"
            self._exporter("log.witnesses", self._size, what, CHECKPOINTS)
        quorum = max(witnesses, 1)
        replay, context = self._replay, self._context
        kinds = Counter(read.document.type for read in context.documents.values())
        return Report(
            node=context.node.name,
            origin=self._export.frame.origin,
            size=tree.size,
            root=tree.root(),
            full=replay is not None,
            hidden=self._hidden,
            events=dict(sorted(self._counts.items())),
            releases=replay.releases.count if replay else 0,
            units=replay.releases.units if replay else 0,
            signatures=context.pending.checked,
            contracts=tuple(_sums(replay)) if replay else (),
            privacy=replay.releases.privacy.totals() if replay else (),
            documents=dict(sorted(kinds.items())),
            unverified={kind: kinds[kind] for kind in sorted(kinds.keys() - VERIFIERS.keys())},
            witnesses=found,
            witnessed=found[quorum - 1].size if len(found) >= quorum else 0,
            found=len(self._findings),
            findings=self._findings.sorted(),
        )

    def _exporter(self, rule: str, index: int, what: str, where: str) -> None:
        self._findings.add(rule, EXPORTER, index, what, where)


def _witnesses(heads: Sequence[Head]) -> tuple[Witnessed, ...]:
    newest: dict[str, Witnessed] = {}
    for head in heads:
        for item in head.witnesses:
            known = newest.get(item.key)
            if known is None or (known.size, known.time) < (item.size, item.time):
                newest[item.key] = item
    return tuple(sorted(newest.values(), key=lambda item: (-item.size, item.witness)))


def _sums(replay: Replay) -> Iterator[ContractSum]:
    for identifier, contract in replay.contracts.by_id.items():
        yield ContractSum(
            identifier.decode(),
            contract.terms.product,
            contract.state.value,
            len(contract.requests),
            contract.used,
            contract.terms.quota.units,
            replay.releases.privacy.contracts.get(identifier, 0),
        )
