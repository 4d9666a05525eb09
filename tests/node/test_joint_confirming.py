"""What a node needs to see before it confirms who is left: charged signatures, of this very run."""

import numpy as np
import pytest

from unseen.node.joint.steps import _confirmed
from unseen.protocols.errors import PartyDroppedError, PlanMismatchError
from unseen.protocols.secagg import Aggregator, Masked, Party
from unseen.protocols.secagg.driver import Cohort, cohort
from unseen.protocols.testing import seeded_rng

GROUP = cohort(3, 4, 100, seeded_rng(8))


def masked(group: Cohort, seed: int, fill: int) -> tuple[list[Party], list[Masked], bytes]:
    """Run the one round of `group` until each has a vector; return who is left as well."""
    rng = seeded_rng(seed)
    server = Aggregator(group.parameters)
    parties = [group.party(member.name, rng) for member in group.parameters.members]
    for party in parties:
        server.add_keys(party.advertise())
    roster = server.close_keys()
    for party in parties:
        server.add_shares(party.share(roster))
    deals = server.close_shares()
    found = [party.mask(deals[party.name], np.full(4, fill)) for party in parties]
    for each in found:
        server.add_masked(each)
    return parties, found, server.close_masked()


def test_a_list_is_confirmed_with_the_signatures_of_this_run() -> None:
    parties, vectors, left = masked(GROUP, 1, 5)
    heads = [each.message for each in vectors]
    assert all(_confirmed(party, [left, *heads]) for party in parties)


@pytest.mark.parametrize("taken", [(0,), (1,), (0, 1, 2)])
def test_what_was_charged_for_one_run_opens_no_other(taken: tuple[int, ...]) -> None:
    _, charged, _ = masked(GROUP, 1, 5)
    parties, free, left = masked(GROUP, 2, 7)  # the same round, under other contracts
    assert free[0].message[:103] == charged[0].message[:103]
    heads = [(charged if at in taken else free)[at].message for at in range(3)]
    for party in parties:
        with pytest.raises(PlanMismatchError, match="another run") as caught:
            _confirmed(party, [left, *heads])
        assert caught.value.party == GROUP.parameters.members[taken[0]].name


def test_a_list_without_a_signature_is_not_confirmed() -> None:
    parties, vectors, left = masked(GROUP, 1, 5)
    with pytest.raises(PartyDroppedError, match="party-2"):
        _confirmed(parties[0], [left, *(each.message for each in vectors[:2])])
