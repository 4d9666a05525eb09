"""What is paid for and handed out: the charge of finished work, and the answer with its receipt.

The charge is durable before this returns; the receipt is made afterwards, as often as it is asked
for, and from what the log holds.
"""

from dataclasses import dataclass, field

from unseen.evidence.contracts.statistics import Question
from unseen.evidence.contracts.typed import Model
from unseen.evidence.releases import receipt as receipts
from unseen.evidence.releases.request import Request
from unseen.node.audit.shown import show
from unseen.node.consent.charging import Asked, Consented
from unseen.node.context import Node
from unseen.node.contracts.register import Contract
from unseen.node.errors import InstanceUnknownError
from unseen.node.failpoints import hit
from unseen.node.identity.parties import instance_by_key
from unseen.node.metering.charge import Charge
from unseen.node.metering.charged import Charged
from unseen.node.privacy.answers import leave, let_again, seal_answer
from unseen.node.privacy.spend import Spend
from unseen.node.release.facts import Facts, ModelFacts
from unseen.node.release.gate import Ask, Released, release
from unseen.node.release.holding import Run
from unseen.node.release.reviewing import withhold


@dataclass(frozen=True, slots=True)
class Admitted:
    """A request that was let in: its statement is the instance's, its contract the caller's."""

    contract: Contract
    request: Request
    statement_digest: str
    signature: bytes
    instance: str  # name of the key that signed
    opening: bytes | None = None  # sealed: what opens the commitment of a request in the clear


@dataclass(frozen=True, slots=True)
class Work:
    """What a kind's work yields: the reply's parts and the snapshot (32 bytes) they came from.

    `hits` is how many of the units found something, where the node sees that.
    `facts` are what the gate's rules have to know of an aggregate or a model, `question` what was
    asked, where the answer's shape follows from it, `model` the shape of a finished model. `led`
    says that the answer is over all nodes of a joint round that this one leads.
    `consent_root` is the root that the rows were chosen by, 32 bytes; `consent` stands in its
    place where the charge has to decide about one subject.
    `privacy` is what the reply costs the people it is about, where contracts of the kind say that.
    """

    reply: tuple[bytes, ...] = field(repr=False)
    snapshot: bytes
    hits: int = field(default=0, repr=False)
    facts: Facts | None = field(default=None, repr=False)
    consent_root: bytes = b""
    consent: Asked | None = None
    question: Question | None = field(default=None, repr=False)
    model: Model | None = None
    led: bool = False
    privacy: Spend | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """What leaves: the reply's parts, the nonce of their commitment, and the receipt."""

    reply: tuple[bytes, ...] = field(repr=False)
    nonce: bytes
    receipt: str


async def pay(node: Node, admitted: Admitted, done: Work) -> Charged:
    """Charge what the gate lets out of finished work: quota, leaf and reply, durable together.

    Raises:
        UnseenError: the refusal, with its clause; nothing was charged.

    """
    charged = await node.writer.submit(await charge_of(node, admitted, done))
    charged.follow(node.contracts, admitted.contract.id)
    hit("charge.after_commit")
    return charged


async def charge_of(node: Node, admitted: Admitted, done: Work, since: int = 0) -> Charge:
    """Return the charge of what the gate lets out of finished work.

    `since` is the index of the leaf that has held the request, where the work took long.

    Raises:
        ReleaseHeldError: it waits for a person, which is written down.
        ReleaseRefusedError: it does not leave, which is written down.

    """
    contract, request = admitted.contract, admitted.request
    billed = done.hits if contract.terms.bills_hits else None
    ask = Ask(
        contract,
        request.request,
        request.units,
        since,
        question=done.question,
        model=done.model,
        led=done.led,
    )
    outcome = leave(node, ask, done.reply, done.privacy, done.facts)
    asked = done.consent
    if not isinstance(outcome, Released):
        signature, instance = admitted.signature, admitted.instance
        rests_on = asked.permit.consent if asked and asked.permit else ""
        run = Run(
            contract,
            request,
            signature,
            instance,
            done.snapshot,
            billed,
            rests_on,
            done.privacy,
            done.consent_root,
            _report(done.facts),
        )
        await withhold(node, run, outcome)
    return Charge(
        contract=contract,
        request=request,
        statement_digest=admitted.statement_digest,
        signature=admitted.signature,
        instance=admitted.instance,
        snapshot=done.snapshot,
        released=outcome,
        billed=billed,
        consent_root=done.consent_root,
        consent=_consented(node, ask, asked),
        opening=admitted.opening,
        covered=node.mandates.covered_until(contract, node.clock.now()),
        privacy=done.privacy,
        keep=seal_answer(node, done.privacy, outcome),
        again=let_again(node, ask, done.privacy),
    )


def _report(facts: Facts | None) -> bytes:
    """Return what the node has measured for whoever looks at a release that is held."""
    return facts.report.encode() if isinstance(facts, ModelFacts) and facts.report else b""


def _consented(node: Node, ask: Ask, asked: Asked | None) -> Consented | None:
    """Return what the charge decides by: both replies have passed the gate before it does."""
    if asked is None:
        return None
    withheld = release(ask, asked.withheld, node.releases.standing(ask.contract))
    return Consented(asked.tree, asked.permit, withheld if type(withheld) is Released else None)


def answer(node: Node, party_name: str, charged: Charged) -> Answer:
    """Return the answer that was charged, with a receipt under the log's present head.

    Raises:
        InstanceUnknownError: the instance that asked is not registered any more.

    """
    hit("receipt.before_sign")
    # The instance that signed, which need not be the one that asks for it again.
    party = node.parties.get(party_name)
    instance = instance_by_key(party, charged.instance) if party else None
    if instance is None:
        raise InstanceUnknownError(
            "the instance that signed this request is not known any more",
            clause="identity.instance",
        )
    head = show(node.log.head())
    index = charged.leaf_index
    token = receipts.issue_logged(
        node.signer,
        charged.leaf or node.log.read_leaf_bytes(node.engine, index),
        index,
        node.log.inclusion_proof(index, head),
        head.note,
        instance.certification,
    )
    return Answer(charged.reply, charged.release_nonce, token)
