"""The clauses that a contract is compiled from, one module each, in the order they are checked."""

from unseen.node.contracts.clauses.clause import Clause
from unseen.node.contracts.clauses.labels import LABELS
from unseen.node.contracts.clauses.mandate import MANDATE
from unseen.node.contracts.clauses.openings import OPENINGS
from unseen.node.contracts.clauses.quota import QUOTA

CLAUSES: tuple[Clause, ...] = (LABELS, MANDATE, QUOTA, OPENINGS)
