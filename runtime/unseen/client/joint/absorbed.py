"""What a training has come to, step by step, in the buyer's home: noisy sums and who made them.

A sum is written down before the next step is begun, each in a file of its own that a crash cannot
halve. So whoever goes on takes the same sums in the same order and comes to the same weights. The
sums have their noise and are what the buyer was sold: they are kept as private as answers are.
"""

import fcntl
import hashlib
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from unseen.client.errors import HomeError
from unseen.client.local.home import read_file, write_file

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from unseen.client.local.home import Home


@dataclass(frozen=True, slots=True)
class Absorbed:
    """The sum of one step over `survivors`; by node, what was charged, and which rows served.

    `requests` are ids, `snapshots` commitments in base64url.
    """

    total: "NDArray[np.int64]" = field(repr=False)
    survivors: tuple[str, ...]
    requests: dict[str, str]
    snapshots: dict[str, str]


def name_of(contracts: Mapping[str, str]) -> str:
    """Return what the training under just these contracts, by node, is kept by."""
    text = "\n".join(f"{node} {contracts[node]}" for node in sorted(contracts))
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def begun(home: "Home", contracts: Mapping[str, str]) -> bool:
    """Return whether a step of the training under these contracts, by node, is in this home."""
    return (home.root / "trainings" / name_of(contracts) / _file(0)).exists()


class Steps:
    """The steps of one training that are done, in a folder."""

    def __init__(self, folder: Path) -> None:
        """Take the folder, which is there."""
        self._folder = folder

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Keep other processes from going on with the same training: each would pay for its steps.

        Raises:
            HomeError: one does.

        """
        with (self._folder / "lock").open("ab") as handle:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                raise HomeError(
                    "another process goes on with this training",
                    clause="client.home",
                    remedy="wait until it has ended, or end it",
                ) from None
            yield

    def read(self, number: int, dimension: int) -> Absorbed | None:
        """Return what a step has come to, None where it has not.

        Raises:
            HomeError: what is written there is no sum of this dimension.

        """
        import numpy as np  # noqa: PLC0415 - only who adds vectors up needs it

        path = self._path(number)
        if not path.exists():
            return None
        try:
            body: Any = json.loads(read_file(path))
            total = np.array([_whole(each) for each in body["total"]], np.int64)
            survivors = tuple(str(name) for name in body["survivors"])
            requests, snapshots = _texts(body["requests"]), _texts(body["snapshots"])
        except (ValueError, TypeError, KeyError, AttributeError, OverflowError):
            raise _damaged(path) from None
        if total.shape != (dimension,) or not survivors:
            raise _damaged(path)
        return Absorbed(total, survivors, requests, snapshots)

    def write(self, number: int, found: Absorbed) -> None:
        """Keep what a step has come to."""
        body = {
            "total": found.total.tolist(),
            "survivors": list(found.survivors),
            "requests": found.requests,
            "snapshots": found.snapshots,
        }
        write_file(self._path(number), json.dumps(body).encode(), private=True)

    def asked(self, node: str, model: bytes) -> str:
        """Return the request by which a node was handed just this model; empty if it was not."""
        path = self._model_path(node, model)
        return read_file(path).decode("ascii", "replace") if path.exists() else ""

    def ask(self, node: str, model: bytes, request: str) -> None:
        """Keep the request by which a node is handed a model."""
        write_file(self._model_path(node, model), request.encode(), private=True)

    def forget(self, node: str, model: bytes) -> None:
        """Forget the request by which a node was handed a model: the next one is another."""
        self._model_path(node, model).unlink(missing_ok=True)

    def _model_path(self, node: str, model: bytes) -> Path:
        digest = hashlib.sha256(node.encode() + b"\x00" + model).hexdigest()[:32]
        return self._folder / f"model-{digest}"

    def _path(self, number: int) -> Path:
        return self._folder / _file(number)


def _file(number: int) -> str:
    return f"{number:05d}.json"


def _whole(value: Any) -> int:
    if type(value) is not int:
        raise TypeError
    return value


def _texts(value: Any) -> dict[str, str]:
    return {str(name): str(text) for name, text in value.items()}


def _damaged(path: Path) -> HomeError:
    return HomeError(
        f"{path} is no sum of this training's step",
        clause="client.home",
        remedy="remove the file: its step is then done, and paid, again",
    )
