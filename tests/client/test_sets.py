"""A buyer's steps of an intersection: the same over files and in memory, and after a kill."""

import errno
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from unseen.client.errors import HomeError
from unseen.client.local.home import writing
from unseen.client.queries import sets
from unseen.protocols.errors import MalformedMessageError
from unseen.protocols.party import Rng
from unseen.protocols.psi import cardinality, ecdh
from unseen.protocols.psi import sum as sums
from unseen.protocols.testing import seeded_rng

SESSION = bytes(range(32))
COUNT_BYTES = 4
MINE = [b"item %d" % number for number in range(40)]
THEIRS = [b"item %d" % number for number in range(25, 70)]
Make = Callable[[Path], sets.Sets]


def fresh() -> Rng:
    return seeded_rng(7)


def made(folder: Path, told: Callable[[int], None] = lambda _count: None) -> sets.Sets:
    folder.mkdir(exist_ok=True)
    return sets.sets_of(folder, SESSION, MINE, fresh, told)


@pytest.fixture(params=["files", "memory"])
def make(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Make:
    if request.param == "memory":
        monkeypatch.setattr(sets, "find_spec", lambda _name: None)
    return made


def test_items_are_told_apart(make: Make, tmp_path: Path) -> None:
    steps = make(tmp_path / "run")
    message = steps.first().read_bytes()
    assert message == ecdh.Receiver(SESSION, MINE, fresh()).ask()
    sender = ecdh.Sender(SESSION, THEIRS, seeded_rng(1))
    (tmp_path / "answer").write_bytes(sender.answer(message))
    assert steps.present(tmp_path / "answer") == bytes(25) + b"\x01" * 15


def test_elements_are_mixed(make: Make, tmp_path: Path) -> None:
    steps = make(tmp_path / "run")
    provider = cardinality.Provider(SESSION, THEIRS, seeded_rng(1))
    (tmp_path / "others").write_bytes(provider.answer(steps.first().read_bytes()))
    assert provider.count(steps.mix(tmp_path / "others").read_bytes()) == 15


def test_a_run_that_goes_on_sends_the_same(make: Make, tmp_path: Path) -> None:
    provider = cardinality.Provider(SESSION, THEIRS, seeded_rng(1))
    first = make(tmp_path / "run").first()
    before = first.read_bytes()
    first.unlink()  # killed, with what it had masked
    assert make(tmp_path / "run").first().read_bytes() == before
    (tmp_path / "others").write_bytes(provider.answer(before))
    mixed = make(tmp_path / "run").mix(tmp_path / "others").read_bytes()
    assert make(tmp_path / "elsewhere").mix(tmp_path / "others").read_bytes() == mixed
    assert provider.count(mixed) == 15


def test_numbers_are_encrypted_by_what_serves_once(make: Make, tmp_path: Path) -> None:
    """By the same bytes for two offers of a node's, differences would say which is which."""
    del make  # only where numpy is, or is not
    buyer = sums.Buyer(SESSION, MINE, fresh())
    provider = sums.Provider(SESSION, THEIRS, [1] * len(THEIRS), seeded_rng(1))
    (tmp_path / "others").write_bytes(provider.answer(buyer.ask()))
    found = []
    for name in ("run", "elsewhere"):
        (tmp_path / name).mkdir()
        steps = sets.sets_of(tmp_path / name, SESSION, MINE, fresh, lambda _count: None, sums=True)
        assert steps.first().read_bytes() == buyer.ask()
        found.append(steps.mix(tmp_path / "others").read_bytes())
        assert steps.mix(tmp_path / "others").read_bytes() == found[-1]
    one, other = (
        [mixed[at : at + 96] for at in range(COUNT_BYTES, len(mixed), 96)] for mixed in found
    )
    assert [each[:32] for each in one] == [each[:32] for each in other]
    ciphertexts = [each[place : place + 32] for each in (*one, *other) for place in (32, 64)]
    assert len(set(ciphertexts)) == len(ciphertexts)
    assert provider.count(found[1]) == 15


def test_an_answer_that_is_none_is_refused(make: Make, tmp_path: Path) -> None:
    steps = make(tmp_path / "run")
    steps.first()
    for data in (b"", bytes(4), b"\x00\x00\x00\x01" + bytes(31)):
        (tmp_path / "answer").write_bytes(data)
        with pytest.raises(MalformedMessageError):
            steps.present(tmp_path / "answer")
        with pytest.raises(MalformedMessageError):
            steps.mix(tmp_path / "answer")


def test_files_are_this_users_alone_and_forgotten(make: Make, tmp_path: Path) -> None:
    first = make(tmp_path / "run").first()
    assert first.stat().st_mode & 0o077 == 0
    sets.forget(tmp_path / "run")
    sets.forget(tmp_path / "run")
    assert list(tmp_path.iterdir()) == []


FULL = """
import resource, sys
from pathlib import Path
from unseen.client.errors import HomeError
from unseen.client.local.home import writing
from unseen.client.queries import sets
from unseen.protocols.testing import seeded_rng
folder = Path(sys.argv[1])
if sys.argv[2] == "memory":
    sets.find_spec = lambda name: None
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
items = [b"item %d" % number for number in range(40)]
steps = sets.sets_of(folder, bytes(32), items, lambda: seeded_rng(7), lambda count: None)
try:
    with writing(folder):
        steps.first()
except HomeError as error:
    print(str(error).startswith("cannot write " + str(folder)), error.remedy[:10])
print([path.name for path in folder.iterdir()])
"""


@pytest.mark.parametrize("way", ["files", "memory"])
def test_a_full_disk_is_one_clear_error_and_leaves_nothing(way: str, tmp_path: Path) -> None:
    """A limit on a file's size fails as a full disk does."""
    run = [sys.executable, "-c", FULL, str(tmp_path), way]
    done = subprocess.run(run, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == ["True free space", "[]"]


def test_what_is_no_matter_of_files_goes_on_as_it_came(tmp_path: Path) -> None:
    with pytest.raises(BrokenPipeError), writing(tmp_path):
        raise BrokenPipeError(errno.EPIPE, "Broken pipe")
    for failed in (OSError(errno.ENOSPC, "No space left"), OSError(errno.EROFS, "Read-only", "x")):
        with pytest.raises(HomeError, match="cannot write"), writing(tmp_path):
            raise failed


def test_work_is_told_of(tmp_path: Path) -> None:
    told: list[int] = []
    made(tmp_path / "run", told.append).first()
    assert sum(told) == len(MINE)
