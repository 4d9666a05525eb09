"""A stopped node's log and everything that it names, as an export that anybody can audit."""

import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import cast

from sqlalchemy import select

from unseen.evidence import canonical
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
    node_name,
)
from unseen.evidence.log import decode_leaf
from unseen.evidence.trust import Role, Trust, TrustedLog, TrustedParty
from unseen.node.audit.log import stored_leaves
from unseen.node.contracts.register import Contracts
from unseen.node.handover.state import Stopped
from unseen.node.store.schema import documents
from unseen.protocols.tlog.tree import leaf_hash


def write_export(state: Stopped, folder: Path) -> None:
    """Write the export of the whole log into `folder`, under its present head."""
    (folder / "log").mkdir(parents=True, exist_ok=True)
    proposed = _write_log(state, folder)
    head = state.log.head()
    contracts = write_lines(folder / CONTRACTS, _contracts(state, proposed))
    named = write_lines(folder / DOCUMENTS, _documents(state))
    told = canonical.encode(parties_of(state).to_json()) + b"\n"
    write_lines(folder / PARTIES, [told])
    write_lines(folder / CHECKPOINTS, [checkpoint_line(head.size, head.note)])
    frame = Frame(state.suite.id, state.log.origin, head.size, (head.size,), contracts, named)
    write_lines(folder / FRAME, [frame_bytes(frame)])  # last: without it this is no export


def parties_of(state: Stopped) -> Trust:
    """Return the keys of the node, its log and everybody whom it ever enrolled."""
    suite, origin = state.suite, state.log.origin
    listed = [
        TrustedParty(node_name(origin), "node", suite.id, state.keys.evidence.public_key),
        *(
            TrustedParty(party.name, cast("Role", party.role.value), party.suite, party.key)
            for party in state.parties.all()
        ),
    ]
    log = TrustedLog(suite.id, state.keys.log.public_key, state.key_id)
    return Trust.of(listed, [(origin, log)])


def write_lines(path: Path, lines: Iterable[bytes]) -> int:
    """Write a file as its lines come, durable before it has its name; return how many."""
    part, count = path.with_name(f".{path.name}.part"), 0
    with part.open("wb") as file:
        for line in lines:
            file.write(line)
            count += 1
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)
    return count


def _write_log(state: Stopped, folder: Path) -> dict[str, int]:
    """Write the leaves; return which leaf proposed each contract."""
    proposed: dict[str, int] = {}
    suite, block = state.suite, list[bytes]()
    with state.engine.connect() as connection:
        for index, body in enumerate(stored_leaves(connection)):
            if index and index % LEAVES_PER_FILE == 0:
                write_lines(folder / leaves_file(index // LEAVES_PER_FILE - 1), block)
                block = []
            block.append(entry_line(index, leaf_hash(body, suite.hash), body))
            if b'"contract.proposed"' in body:
                proposed[str(decode_leaf(body).get("contract"))] = index
    if block:
        write_lines(folder / leaves_file((state.log.size - 1) // LEAVES_PER_FILE), block)
    return proposed


def _contracts(state: Stopped, proposed: dict[str, int]) -> Iterator[bytes]:
    held = Contracts(state.engine)
    for identifier, index in proposed.items():
        found = held.get(identifier)
        record = ContractRecord(
            index, found.terms, found.plan, found.leakage, dict(found.approvals)
        )
        yield contract_line(record)


def _documents(state: Stopped) -> Iterator[bytes]:
    query = select(documents).order_by(documents.c.leaf_index)
    with state.engine.connect() as connection:
        for row in connection.execute(query):
            yield document_line(state.suite, row.leaf_index, row.type, row.body.decode())
