"""What a buyer's installation needs to add up what several nodes send."""

import pytest

from unseen.client.joint import rounds
from unseen.protocols.errors import InputInvalidError


def test_without_numpy_it_is_said_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rounds, "find_spec", lambda name: None)
    with pytest.raises(InputInvalidError, match="needs numpy") as caught:
        rounds.Cohort([])
    assert caught.value.remedy == "install unseen[kernels]"
