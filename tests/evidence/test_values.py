"""Values of evidence are frozen and take no further fields; the few that keep count are named."""

import pytest
from tests.evidence.values import changeable, extensible, modules_with_values, positional

# An audit follows a log leaf by leaf, and a report adds up what it reads.
COUNTING = {
    "audit.context": {"Read", "Context"},
    "audit.contracts": {"Epoch", "Standing"},
    "audit.gate": {"_Held"},
    "audit.oversight": {"Ordered", "Oversight"},
    "audit.parties": {"Enrolled", "Certified"},
    "audit.privacy": {"TableSpent"},
    "reports.disclosure": {"_Line"},
    "reports.personal": {"_Jobs", "_Consents"},
}
# It keeps what follows from its fields, once that was asked for.
WIDE = {"registry.mandated": {"Mandated"}}

# Whoever makes a format names its fields, but for those of these few.
BY_POSITION = {
    "audit.export": {"Frame", "ContractRecord"},
    "consents.subjects": {"DataSubject"},
    "oversight.response": {"Parts"},
    "registry.handover": {"File", "Item"},
}


@pytest.mark.parametrize("name", modules_with_values("protocols/unseen/evidence"))
def test_a_value_stays_as_it_was_made(name: str) -> None:
    module = name.removeprefix("unseen.evidence.")
    assert changeable(name) == COUNTING.get(module, set())
    assert extensible(name) == WIDE.get(module, set())
    assert positional(name) == BY_POSITION.get(module, set())
