"""The rules in force as the node asks them: what stands against an ask, as errors that help.

Pure but for `default_text`. What the rules mean stands in `unseen.evidence.contracts.ruling`,
where an audit asks the same.
"""

from collections.abc import Sequence
from importlib.resources import files
from typing import Self

from unseen.evidence.contracts.homomorphic import too_high
from unseen.evidence.contracts.rules import parse_rules
from unseen.evidence.contracts.ruling import Labels, RuleSet, Ruling, least_budget
from unseen.node.errors import LabelRefusedError, PurposeDeniedError
from unseen.node.privacy.guard import most_asked
from unseen.protocols.lookup.subject import SubjectColumn

__all__ = ["Rules", "Ruling", "default_text", "least_budget", "max_units"]


class Rules(RuleSet):
    """A rule file, ready to be asked by the compiler."""

    @classmethod
    def parse(cls, text: bytes, suite: str) -> Self:
        """Return the rules of a TOML file; raises RulesInvalidError if it is none."""
        return cls(parse_rules(text, suite))

    def against_purpose(self, purpose: str, labels: Labels) -> list[PurposeDeniedError]:
        """Return an error for each entry of the deny-list that `purpose` over `labels` meets."""
        return [
            PurposeDeniedError(
                f"the deny-list says: {entry.text} ({entry.text_zh})",
                clause=f"deny.{entry.name}",
                remedy="ask for another purpose, or choose outputs over other columns",
            )
            for entry in self.denials(purpose, labels)
        ]

    def against_kind(
        self,
        kind: str,
        labels: Labels,
        *,
        ciphertext: bool,
        threat_model: str,
        highest: str = "",
    ) -> list[LabelRefusedError]:
        """Return an error for each label that a job of `kind` may not read; as `refused`.

        Above the level `highest` it reads none, whatever the rules say; empty for no such level.
        """
        held = list(labels)
        above = {label: column for column, label in held if highest and too_high(label.level)}
        refused = [
            LabelRefusedError(
                f"{column!r}: {label}: whatever the rules say, level {highest} is the highest for"
                f" {kind} under encryption, which holds against buyers that follow the protocol",
                clause=f"labels.{label.category}.{label.level}",
                remedy="offer a product over columns of a lower label, or of another kind",
            )
            for label, column in above.items()
        ]
        return refused + [
            LabelRefusedError(
                f"{', '.join(map(repr, each.columns))}: {each.label}: {each.why}",
                clause=f"labels.{each.label.category}.{each.label.level}",
                remedy="offer a product over columns of a lower label, or of another kind",
            )
            for each in self.refused(kind, held, ciphertext=ciphertext, threat_model=threat_model)
            if each.label not in above
        ]


def max_units(
    ruling: Ruling, rows: int, *, hidden: bool, subject: Sequence[SubjectColumn] = ()
) -> int:
    """Return how many units a buyer may be granted over a table of `rows` rows by `subject`.

    Hidden questions cannot be told apart, so their number alone keeps a buyer from listing the
    table. Others are counted by distinct subjects when they are asked (`privacy.subjects`).
    """
    return most_asked(ruling.share if hidden else 0, rows, subject)


def default_text() -> bytes:
    """Return the rule file that a node has until its operator sets another."""
    return files("unseen.node.contracts").joinpath("rules.toml").read_bytes()
