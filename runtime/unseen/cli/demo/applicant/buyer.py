"""The bank's process. Run as `python -m unseen.cli.demo.applicant.buyer HOME`; see `buying`."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from unseen.cli.demo.buying import Desk, work
from unseen.cli.views import verdict_json
from unseen.evidence.canonical import b64decode
from unseen.evidence.releases.answers import verify_answers
from unseen.evidence.releases.manifest import verify_manifest


class BankDesk(Desk):
    """The bank's desk: it can also look at what it sent, ask about many, and answer an order."""

    def __init__(self, home: Path) -> None:
        """Work in `home`, which is made by `join`."""
        super().__init__(home)
        self.steps |= {
            "lookup_many": self._lookup_many,
            "sent": self._sent,
            "answer": self._answer,
        }

    def _lookup_many(self, contract: str, subjects: Sequence[Sequence[str]]) -> Any:
        return [verdict_json(one) for one in self.client.lookup_many(contract, subjects)]

    def _sent(self, request: str) -> Any:
        """Return what went to the node for a request of one subject, in hexadecimal.

        It stands in an opening, which is checked against the receipt before it is made: the
        blinded elements, and of the queries how many, their size and the hash of them all.
        """
        client = self.client
        bundle: Any = client.open_receipt(request)
        suite, key = client.profile.suite, client.profile.node.evidence_key
        answers = verify_answers(bundle["answers"], suite, key)
        return {
            "blinded": [b64decode(element).hex() for element in bundle["blinded"]],
            "count": answers.count,
            "size": verify_manifest(bundle["manifest"], suite, key).shape().query_bytes,
            "queries": answers.queries.hex(),
        }

    def _answer(self, order: str) -> Any:
        said = self.client.answer_order(order)
        return {"opened": list(said.opened), "failed": [list(each) for each in said.failed]}


if __name__ == "__main__":
    work(BankDesk)
