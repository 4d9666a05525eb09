"""Checking the export of a log: by hash, and with every signature, beside the bare operations."""

from collections.abc import Iterable, Iterator
from pathlib import Path

from unseen.bench.ledger import Ledger, write_ledger
from unseen.bench.registry import CURVE_BITS, Case, Group, Parameters
from unseen.client.exported import Folder
from unseen.evidence.audit import Policy, check_export
from unseen.evidence.audit.export import Export, leaves_file, parse_entry
from unseen.evidence.suite import INTL
from unseen.protocols.tlog.tree import Frontier, leaf_hash

HASH_TARGET = "1,000,000 leaves <= 60 s"
SIGNED_TARGET = "1,000,000 leaves <= 200 s"
_MODEL = "anybody may have edited the export; SHA-256 collisions, EUF-CMA of Ed25519"
_SAMPLE = 2000


class Audit:
    """An export on disk, and the ways to check it."""

    def __init__(self, folder: Path, leaves: int, seed: int) -> None:
        """Work in `folder`."""
        self.folder, self.leaves, self.seed = folder, leaves, seed
        self._ledger: Ledger | None = None

    def make(self) -> None:
        """Write the export."""
        self._ledger = self._write()

    @property
    def ledger(self) -> Ledger:
        """The ledger; it is written now if `make` has not."""
        if self._ledger is None:
            self._ledger = self._write()
        return self._ledger

    def check(self, *, full: bool) -> None:
        """Check the export.

        Raises:
            RuntimeError: it does not hold.

        """
        policy = Policy(full=full, witnesses=1)
        report = check_export(Export(Folder(self.folder)), self.ledger.trust, policy)
        if not report.ok:
            raise RuntimeError(str(report.findings[:1]))

    def hash(self) -> None:
        """Only read the lines and hash every leaf into the tree: the least that a check costs."""
        tree = Frontier(INTL.hash)
        for body in self._read():
            tree.append(leaf_hash(body, INTL.hash))
        tree.root()

    def verify(self) -> None:
        """Only verify so many signatures over so many bytes."""
        key, data = self.ledger.instance, bytes(480)
        signature = key.sign(data)
        for _ in range(_SAMPLE):
            INTL.verify(key.public_key, signature, data)

    def _write(self) -> Ledger:
        def put(name: str, lines: Iterable[bytes]) -> None:
            path = self.folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("wb") as file:
                file.writelines(lines)

        return write_ledger(put, self.leaves, self.seed)

    def _read(self) -> Iterator[bytes]:
        files, number = Folder(self.folder), 0
        while files.has(leaves_file(number)):
            for line in files.lines(leaves_file(number)):
                entry = parse_entry(line)
                if entry is not None and entry.leaf is not None:
                    yield entry.leaf
            number += 1


def auditing(folder: Path, parameters: Parameters) -> Iterator[Group]:
    """Make an export, then check it both ways."""
    audit = Audit(folder / "export", parameters["audited"], parameters["seed"])
    leaves = audit.leaves
    yield [
        Case(name="evidence/export", phase="set-up", units=leaves, work=audit.make, once=True),
    ]
    yield [
        Case(
            name="evidence/log",
            phase="offline",
            units=leaves,
            work=lambda: audit.check(full=False),
            limit="evidence/log/hash",
            target=HASH_TARGET,
            threat_model=_MODEL,
            security_bits=CURVE_BITS,
        ),
        Case(name="evidence/log/hash", phase="offline", units=leaves, work=audit.hash),
        Case(
            name="evidence/log/signed",
            phase="offline",
            units=leaves,
            work=lambda: audit.check(full=True),
            limit="evidence/log/signature",
            target=SIGNED_TARGET,
            threat_model=_MODEL,
            security_bits=CURVE_BITS,
        ),
        Case(name="evidence/log/signature", phase="offline", units=_SAMPLE, work=audit.verify),
    ]
