"""The privacy ledger: what a table's or a contract's budget does not allow."""

from unseen.node.errors.branches import ContractRefusedError, LimitError


class PrivacyBudgetSpentError(LimitError):
    """The answer would cost more than the budget of its table or contract has left."""

    reason = "PRIVACY_BUDGET_SPENT"


class PrivacyBudgetMissingError(ContractRefusedError):
    """Answers with noise need a budget, and the table or the contract has none."""

    reason = "PRIVACY_BUDGET_MISSING"


class PartitionPinnedError(ContractRefusedError):
    """A table is shown exactly in one way, over one snapshot, and that is another one."""

    reason = "PARTITION_PINNED"
