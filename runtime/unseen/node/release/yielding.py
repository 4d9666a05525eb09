"""What a long job yields once its reply is computed: charged and let out, held, or nothing.

The job's end, the charge or the held release, and every leaf are one transaction of the driver's.
What is let out lies in the job's result, sealed, until its owner fetches it; the charge keeps no
second copy. Where the same question was answered while the job ran, the job's answer is charged for
its own noise: its result is sealed before the charge.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from unseen.node.context import Node
from unseen.node.jobs.kind import Outcome
from unseen.node.metering.charge import Charge
from unseen.node.metering.charged import Charged, digest_of
from unseen.node.metering.paying import Admitted, Work, charge_of
from unseen.node.privacy.answers import leave, seal_answer
from unseen.node.release.facts import Facts
from unseen.node.release.gate import Ask, Refused, Released
from unseen.node.release.holding import Hold, Run
from unseen.node.release.register import Review
from unseen.node.release.reviewing import withhold
from unseen.node.store.writer import Change, Transaction
from unseen.protocols.errors import UnseenError


async def yielded(
    node: Node,
    job: str,
    run: Run,
    parts: Sequence[bytes],
    facts: Facts | None = None,
    since: int = 0,
    consent_root: bytes = b"",
) -> Outcome:
    """Return how the job `job` ends with the reply `parts`, which is one part.

    `since` is the index of the leaf that has held the request since it was admitted,
    `consent_root` the root (32 bytes) of the consents by which rows were chosen, where they were.

    Raises:
        ReleaseRefusedError: the gate lets nothing out; that is written down, and fails the job.

    """
    contract, request = run.contract, run.request
    run = replace(run, consent_root=consent_root)
    ask = Ask(contract, request.request, request.units, since)
    found = leave(node, ask, parts, run.privacy, facts)
    if isinstance(found, Refused):
        await withhold(node, run, found)
    if isinstance(found, Released):
        charge = replace(
            _charge(run, found, consent_root),
            covered=node.mandates.covered_until(contract, node.clock.now()),
            keep=seal_answer(node, run.privacy, found),
        )
        return Outcome(
            change=_Pay(charge),
            result=found,
            follow=lambda charged: charged.follow(node.contracts, contract.id),
        )

    def follow(review: Review) -> None:
        node.releases.put(review)
        node.meter.hold(review.contract, review.request.units)

    keep = timedelta(hours=node.settings.review_hours)
    return Outcome(change=Hold(run, found, node.vault, keep, job), result=found, follow=follow)


async def paid(node: Node, admitted: Admitted, done: Work, since: int = 0) -> Outcome:
    """Return how a job ends whose reply is kept with its charge, as that of a call is.

    `since` is the index of the leaf that has held the request since it was admitted.

    Raises:
        ReleaseHeldError, ReleaseRefusedError: nothing leaves, or not yet; that is written down, and
            fails the job. What a person lets out is charged then.

    """
    charge = await charge_of(node, admitted, done, since)
    contract = admitted.contract.id
    return Outcome(
        change=_Pay(charge), follow=lambda charged: charged.follow(node.contracts, contract)
    )


@dataclass(frozen=True, slots=True)
class _Pay(Change[Charged]):
    """The charge of one job, within the transaction that ends it."""

    charge: Charge

    def apply(self, transaction: Transaction) -> Charged:
        """Charge it.

        Raises:
            UnseenError: the contract does not allow it; the job fails.

        """
        (charged,) = Charge.apply_all(transaction, [self.charge])
        if isinstance(charged, UnseenError):
            raise charged
        return charged


def _charge(run: Run, released: Released, consent_root: bytes) -> Charge:
    return Charge(
        contract=run.contract,
        request=run.request,
        statement_digest=digest_of(run.request),
        signature=run.signature,
        instance=run.instance,
        snapshot=run.snapshot,
        released=released,
        billed=run.billed,
        kept=False,
        consent_root=consent_root,
        privacy=run.privacy,
    )
