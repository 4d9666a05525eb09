"""The rule file that a node follows, and changes of it."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from unseen.client.cards import Card, Row
from unseen.client.errors import AnswerInvalidError
from unseen.client.resources import short
from unseen.client.session import Session
from unseen.evidence import canonical
from unseen.evidence.canonical import b64encode
from unseen.evidence.contracts.rules import RuleFile, parse_rules
from unseen.v1 import rules_pb2, rules_pb2_grpc

SET_SECONDS = 120.0


@dataclass(frozen=True, slots=True, repr=False)
class RulesCard(Card):
    """The rules in force. `digest` is what stands in terms and log, and was checked."""

    digest: str
    file: RuleFile
    text: bytes = field(compare=False)
    set_by: str
    set_at: str

    def _title(self) -> str:
        return f"Rules {self.file.version}: {self.file.title} ({self.file.title_zh})"

    def _rows(self) -> Iterator[Row]:
        yield "digest", self.digest
        yield "set by", f"{self.set_by}, {self.set_at}"
        for rule in self.file.rules:
            kinds = ", ".join(rule.kinds) or "nothing"
            yield f"{rule.category} {', '.join(rule.levels)}", kinds
        for entry in self.file.deny:
            yield f"never: {', '.join(entry.purposes)}", f"{entry.text} ({entry.text_zh})"


@dataclass(frozen=True, slots=True)
class Governed:
    """What a change of rules or labels did to contracts in force: their ids."""

    suspended: tuple[str, ...]
    resumed: tuple[str, ...]


class RulesCalls:
    """The rule file of one node."""

    def __init__(self, session: Session) -> None:
        """Use `session` for the calls."""
        self._session = session
        self._stub = rules_pb2_grpc.RulesServiceStub(session.channel.grpc)

    def get(self) -> RulesCard:
        """Return the rules in force; see `Client.rules`."""
        answer = self._session.call(self._stub.GetRules, rules_pb2.GetRulesRequest())
        return _card(answer.rules)

    def set(self, text: bytes) -> tuple[RulesCard, Governed]:
        """Put another rule file into force; see `Client.set_rules`."""
        parse_rules(text, self._session.suite.id)
        request = rules_pb2.SetRulesRequest(text=text)
        answer = self._session.call(self._stub.SetRules, request, SET_SECONDS)
        return _card(answer.rules), governed(answer.suspended, answer.resumed)


def governed(suspended: object, resumed: object) -> Governed:
    """Return contracts that moved, from their resource names."""
    return Governed(
        tuple(short(name) for name in suspended),  # type: ignore[attr-defined]
        tuple(short(name) for name in resumed),  # type: ignore[attr-defined]
    )


def _card(message: rules_pb2.RuleFile) -> RulesCard:
    file = RuleFile.from_json(canonical.decode(message.document))
    same = parse_rules(message.text, file.suite) == file
    if not same or b64encode(file.digest()) != message.digest:
        raise AnswerInvalidError(
            "the rule file is not the one of its digest",
            clause="rules",
            remedy="do not rely on it; show it to the operator",
        )
    return RulesCard(message.digest, file, message.text, message.set_by, message.set_at)
