"""The clauses that a contract is compiled from, one module each, in the order they are checked."""

from unseen.node.contracts.clauses.billing import BILLING
from unseen.node.contracts.clauses.clause import Clause
from unseen.node.contracts.clauses.consent import CONSENT
from unseen.node.contracts.clauses.declarations import DECLARATIONS
from unseen.node.contracts.clauses.deny import DENY
from unseen.node.contracts.clauses.encrypted import ENCRYPTED
from unseen.node.contracts.clauses.intersect import INTERSECT
from unseen.node.contracts.clauses.joining import JOINING
from unseen.node.contracts.clauses.joint import JOINT
from unseen.node.contracts.clauses.labels import LABELS
from unseen.node.contracts.clauses.limits import LIMITS
from unseen.node.contracts.clauses.mandate import MANDATE
from unseen.node.contracts.clauses.openings import OPENINGS
from unseen.node.contracts.clauses.order import ORDER
from unseen.node.contracts.clauses.outputs import OUTPUTS
from unseen.node.contracts.clauses.quota import QUOTA
from unseen.node.contracts.clauses.region import REGION
from unseen.node.contracts.clauses.score import SCORE
from unseen.node.contracts.clauses.signers import SIGNERS
from unseen.node.contracts.clauses.template import TEMPLATE
from unseen.node.contracts.clauses.train import TRAIN

# The deny-list comes before everything else. The template comes last: it bounds the other clauses.
CLAUSES: tuple[Clause, ...] = (
    DENY,
    OUTPUTS,
    LABELS,
    JOINING,
    MANDATE,
    QUOTA,
    LIMITS,
    CONSENT,
    SIGNERS,
    ORDER,
    REGION,
    DECLARATIONS,
    OPENINGS,
    BILLING,
    JOINT,
    INTERSECT,
    SCORE,
    TRAIN,
    ENCRYPTED,
    TEMPLATE,
)
