"""Verification with the subject in the clear (kind `verify`).

The operator learns whom the buyer asks about. Contract, meter and receipt are the same as for a
hidden lookup; the log holds only commitments to the subject and to the verdict.
"""

from types import MappingProxyType

from unseen.client.agreements.contracts import Contracts
from unseen.client.errors import AnswerInvalidError
from unseen.client.local.state import Opening
from unseen.client.queries import asking
from unseen.client.session import Session
from unseen.client.subjects import Subject, subject_texts, subject_values
from unseen.client.verdicts import Answer, Verdict, answer_of
from unseen.evidence import canonical
from unseen.evidence.canonical import Json
from unseen.evidence.contracts.contract import Terms
from unseen.evidence.contracts.plan import Plan
from unseen.evidence.errors import EvidenceError
from unseen.evidence.releases.request import Request
from unseen.evidence.verify import VerifiedReceipt
from unseen.protocols.errors import CountMismatchError, InputInvalidError, PeerError
from unseen.protocols.lookup.subject import Value
from unseen.v1 import verify_pb2, verify_pb2_grpc

_ANSWERS: dict[int, Answer] = {
    verify_pb2.VERDICT_NO_USABLE_RESULT: Answer.NO_USABLE_RESULT,
    verify_pb2.VERDICT_NO: Answer.NO,
    verify_pb2.VERDICT_YES: Answer.YES,
}


VERDICTS: dict[Answer, bool | None] = {
    Answer.YES: True,
    Answer.NO: False,
    Answer.NO_USABLE_RESULT: None,
}


class Verifies:
    """The clear queries of one client."""

    def __init__(self, session: Session, contracts: Contracts) -> None:
        """Use `session` for the calls and `contracts` for terms and plan."""
        self._session = session
        self._contracts = contracts
        self._stub = verify_pb2_grpc.VerifyServiceStub(session.channel.grpc)

    def ask(self, contract: str, subject: Subject) -> Verdict:
        """Return the verdict on one subject; see `Client.verify`."""
        terms, plan = self._contracts.terms(contract), self._contracts.plan(contract)
        _check_kind(contract, terms)
        values = subject_values(plan.subject_columns, subject)
        data = canonical.encode([_json(value) for value in values])
        request, signed = asking.new_request(
            self._session, contract=terms.id(), kind="verify", units=1, parts=(data,)
        )
        message = verify_pb2.VerifyRequest(request=signed, subject=data)
        texts = subject_texts(values)
        asking.write_down(
            self._session,
            request,
            contract,
            manifest="",
            message=message,
            secret={"subjects": [list(texts)]},
        )
        return self._exchange(contract, terms, plan, texts, message, fresh=True)

    def finish(self, opening: Opening) -> list[Verdict]:
        """Fetch the answer to a request that was written down before, under the same id."""
        terms, plan = (
            self._contracts.terms(opening.contract),
            self._contracts.plan(opening.contract),
        )
        message = verify_pb2.VerifyRequest.FromString(opening.wire)
        values = canonical.decode(message.subject)
        texts = tuple(str(value) for value in values) if isinstance(values, list) else ()
        return [self._exchange(opening.contract, terms, plan, texts, message, fresh=False)]

    def _exchange(
        self,
        contract: str,
        terms: Terms,
        plan: Plan,
        texts: tuple[str, ...],
        message: verify_pb2.VerifyRequest,
        *,
        fresh: bool,
    ) -> Verdict:
        session = self._session
        request = Request.decode(message.request.statement)
        answer = asking.send(session, self._stub.Verify, message, request.request, fresh=fresh)
        outputs = tuple(output.name for output in plan.outputs)
        try:
            receipt = asking.check_receipt(session, request, answer.release, terms)
            found = read_verdicts(answer, len(outputs))
            released = canonical.encode([item.value for item in found])
            asking.check_release(session, answer.release, (released,), receipt.release)
            asking.keep_reply(session, request.request, answer.SerializeToString())
            _check_billed(receipt, found)
        except (EvidenceError, PeerError) as error:
            asking.keep_failed(session, request.request, message, answer, error)
            raise
        session.rest()
        matched = bool(plan.match)
        said = [answer_of(VERDICTS[item], matched=matched) for item in found]
        return Verdict(
            contract=contract,
            subject=texts,
            answers=MappingProxyType(dict(zip(outputs, said, strict=True))),
            found=any(item is not Answer.NO_USABLE_RESULT for item in found),
            cached=False,
            request_id=request.request,
            position=0,
            receipt_path=session.home.receipt(request.request),
            matched=matched,
        )


def _check_billed(receipt: VerifiedReceipt, found: list[Answer]) -> None:
    """Refuse an answer that is billed as a hit and was none, or the other way round."""
    hit = int(any(item is not Answer.NO_USABLE_RESULT for item in found))
    if receipt.billed not in {None, hit}:
        raise AnswerInvalidError(
            f"the receipt bills {receipt.billed} hits and the answer is {hit}",
            clause="receipt.billed",
            remedy=f"contest it with the answer: unseen receipt open {receipt.request}",
        )


def read_verdicts(answer: verify_pb2.VerifyResponse, count: int) -> list[Answer]:
    """Return the verdicts of an answer, one for each of `count` outputs.

    Raises:
        CountMismatchError: there are more, or fewer.
        AnswerInvalidError: one is none.

    """
    if len(answer.verdicts) != count:
        raise CountMismatchError(found=len(answer.verdicts), expected=count)
    try:
        return [_ANSWERS[verdict] for verdict in answer.verdicts]
    except KeyError:
        raise AnswerInvalidError("the node gave no verdict", clause="verdicts") from None


def _check_kind(contract: str, terms: Terms) -> None:
    if terms.kind != "verify":
        raise InputInvalidError(
            f"the contract is for kind {terms.kind}",
            clause="kind",
            remedy=f"ask with: unseen {terms.kind} {contract} ...",
        )


def _json(value: Value) -> Json:
    return value if isinstance(value, (str, int)) else value.isoformat()
