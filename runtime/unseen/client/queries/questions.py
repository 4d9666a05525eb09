"""Questions about many people at once (kind `statistics`), in the clear.

The operator learns what is asked, and not about whom: no question is about a person. What is asked
is checked against the contract's menu before it is signed; what comes back is read in the one shape
that menu and question declare, and its receipt has to name no other privacy than was agreed to.

A question that this home has an answer to is answered from here, and one whose answer has not
arrived is sent again under its id: asking twice by accident costs nothing.
"""

from fractions import Fraction
from pathlib import Path

from unseen.client.agreements.contracts import Contracts
from unseen.client.errors import AnswerInvalidError, RefusedError
from unseen.client.local.state import Opening
from unseen.client.queries import asking
from unseen.client.session import Session
from unseen.client.statistic import Statistic
from unseen.evidence.canonical import format_time
from unseen.evidence.contracts.contract import Terms
from unseen.evidence.contracts.statistics.menu import Menu, menu_of
from unseen.evidence.contracts.statistics.question import Question
from unseen.evidence.contracts.statistics.shapes import shape_of
from unseen.evidence.contracts.typed import Value, decode
from unseen.evidence.errors import EvidenceError, QuestionInvalidError
from unseen.evidence.releases.request import Request
from unseen.evidence.verify import VerifiedReceipt
from unseen.protocols.errors import InputInvalidError, PeerError
from unseen.v1 import statistics_pb2, statistics_pb2_grpc

KIND = "statistics"
ASK_SECONDS = 900.0
"""How long one call may take: a node passes over a whole table, within a limit of its own."""


class Questions:
    """The questions about many of one client."""

    def __init__(self, session: Session, contracts: Contracts) -> None:
        """Use `session` for the calls and `contracts` for the terms."""
        self._session = session
        self._contracts = contracts
        self._stub = statistics_pb2_grpc.StatisticsServiceStub(session.channel.grpc)

    def menu(self, contract: str) -> Menu:
        """Return what the contract lets be asked, as it is signed.

        Raises:
            InputInvalidError: the contract is for another kind.
            ContractInvalidError: its menu is malformed.

        """
        return _menu(contract, self._contracts.terms(contract))

    def terms(self, contract: str) -> Terms:
        """Return the contract's terms."""
        return self._contracts.terms(contract)

    def ask(self, contract: str, question: Question, *, again: bool = False) -> Statistic:
        """Return the answer to `question`; with `again`, not the one that this home has.

        Raises:
            InputInvalidError: the menu does not offer it; nothing was sent.
            RefusedError: the node does not answer it; `charged` says whether it cost anything.

        """
        terms = self._contracts.terms(contract)
        menu = _menu(contract, terms)
        _check(menu, question)
        before = self._asked(contract, question)
        if before is not None and before.state == "answered" and not again:
            return self._kept(before, menu, question)
        if before is not None and before.state == "sent":
            try:
                return self.finish(before)
            except RefusedError:
                if self._state_of(before) != "refused":
                    raise
        return self._anew(contract, terms, menu, question)

    def finish(self, opening: Opening) -> Statistic:
        """Fetch the answer to a request that was written down before, under the same id."""
        terms = self._contracts.terms(opening.contract)
        message = statistics_pb2.AskRequest.FromString(opening.wire)
        question = Question.decode(message.question)
        menu = _menu(opening.contract, terms)
        return self._exchange(opening.contract, terms, menu, question, message, fresh=False)

    def shown(self, contract: str, data: bytes, receipt: VerifiedReceipt, path: Path) -> Statistic:
        """Return the exact table over several nodes, `data`, that the lead of a round let out.

        Raises:
            ReleaseInvalidError: it is none of the contract's menu.

        """
        menu, question = self.menu(contract), Question(what="partition")
        value = decode(shape_of(menu, question), data)
        return _statistic(contract, menu, question, value, receipt, path, cached=False)

    def _anew(self, contract: str, terms: Terms, menu: Menu, question: Question) -> Statistic:
        session, data = self._session, question.encode()
        request, signed = asking.new_request(
            session, contract=terms.id(), kind=KIND, units=1, parts=(data,)
        )
        message = statistics_pb2.AskRequest(request=signed, question=data)
        session.state.save_asked(contract, data, request.request)  # durable with what follows
        asking.write_down(session, request, contract, manifest="", message=message, secret={})
        return self._exchange(contract, terms, menu, question, message, fresh=True)

    def _exchange(
        self,
        contract: str,
        terms: Terms,
        menu: Menu,
        question: Question,
        message: statistics_pb2.AskRequest,
        *,
        fresh: bool,
    ) -> Statistic:
        session = self._session
        request = Request.decode(message.request.statement)
        answer = asking.send(
            session, self._stub.Ask, message, request.request, fresh=fresh, timeout=ASK_SECONDS
        )
        try:
            receipt = asking.check_receipt(session, request, answer.release, terms)
            _check_privacy(receipt, question)
            value = decode(shape_of(menu, question), answer.value)
            asking.check_release(session, answer.release, (answer.value,), receipt.release)
            asking.keep_reply(session, request.request, answer.SerializeToString())
        except (EvidenceError, PeerError) as error:
            asking.keep_failed(session, request.request, message, answer, error)
            raise
        session.rest()
        path = session.home.receipt(request.request)
        return _statistic(contract, menu, question, value, receipt, path, cached=False)

    def _asked(self, contract: str, question: Question) -> Opening | None:
        state = self._session.state
        request = state.asked(contract, question.encode())
        return None if request is None else state.request(request)

    def _state_of(self, opening: Opening) -> str:
        found = self._session.state.request(opening.id)
        return "" if found is None else found.state

    def _kept(self, opening: Opening, menu: Menu, question: Question) -> Statistic:
        """Return the answer that this home has; its receipt was checked when it came."""
        answer = statistics_pb2.AskResponse.FromString(opening.reply)
        value = decode(shape_of(menu, question), answer.value)
        receipt = asking.kept_receipt(self._session, opening.id, answer.release)
        path = self._session.home.receipt(opening.id)
        return _statistic(opening.contract, menu, question, value, receipt, path, cached=True)


def _statistic(
    contract: str,
    menu: Menu,
    question: Question,
    value: Value,
    receipt: VerifiedReceipt,
    path: Path,
    *,
    cached: bool,
) -> Statistic:
    return Statistic(
        contract=contract,
        question=question,
        menu=menu,
        value=value,
        privacy=receipt.privacy,
        answered_at=format_time(receipt.time),
        cached=cached,
        request_id=receipt.request,
        receipt_path=path,
    )


def _menu(contract: str, terms: Terms) -> Menu:
    if terms.kind != KIND:
        raise InputInvalidError(
            f"the contract is for kind {terms.kind}",
            clause="kind",
            remedy=f"ask with: unseen {terms.kind} {contract} ...",
        )
    return menu_of(terms.parameters)


def _check(menu: Menu, question: Question) -> None:
    """Refuse what the menu does not offer before it is signed: it is the caller who erred."""
    try:
        shape_of(menu, question)
    except QuestionInvalidError as error:
        raise asks_wrongly(error) from None


def asks_wrongly(error: QuestionInvalidError) -> InputInvalidError:
    """Return `error` as one of whoever asks here, and not of a peer."""
    return InputInvalidError(
        str(error),
        clause=f"question.{error.clause}",
        remedy="see what may be asked: unseen statistics menu ID",
    )


def _check_privacy(receipt: VerifiedReceipt, question: Question) -> None:
    """Refuse an answer that cost another privacy than the question agreed to.

    It costs none where the node has given the same answer before.
    """
    spent = Fraction(receipt.privacy)
    if spent not in (0, question.cost):
        raise AnswerInvalidError(
            f"the receipt says that the answer cost a rho of {receipt.privacy}, and the question"
            f" agreed to {question.rho}",
            clause="receipt.privacy",
            remedy="keep the receipt and show it to the operator",
        )
