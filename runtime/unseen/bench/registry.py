"""What a bench is: a name, its parameters, and cases to be measured side by side.

A case does a fixed amount of work, counted in units, and is set beside its limit: the least that
the same answer costs on the same core, whatever the software around it. Cases of one group are
run in turn, so that what else the machine does falls on all of them.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from math import floor, log2
from typing import Literal

from unseen.protocols.errors import InputInvalidError
from unseen.protocols.testing import Transcript

Phase = Literal["warm-up", "set-up", "offline", "online"]
Parameters = Mapping[str, int]

SEED = 0  # of every input that a bench makes up; `--set seed=N` takes another
CURVE_BITS = 126  # Pollard's rho in the 2^252 elements of ristretto255 and Ed25519
VOPRF_MODEL = "malicious client and server; one-more gap Diffie-Hellman, random oracle"


class Settings(dict[str, int]):
    """What a run is set to: whole numbers by their names, and `words` for what is no number."""

    words: Mapping[str, str]

    def __init__(self, numbers: Parameters, words: Mapping[str, str] | None = None) -> None:
        """Take both."""
        super().__init__(numbers)
        self.words = dict(words or {})

    def together(self) -> dict[str, int | str]:
        """Return numbers and words in one."""
        return {**self, **self.words}


def nothing() -> None:
    """Do nothing: the preparation of a case that needs none."""


@dataclass(frozen=True, slots=True)
class Traffic:
    """What one lap puts on the wire: bytes without framing, and rounds one after another."""

    up: int = 0
    down: int = 0
    rounds: int = 0

    @classmethod
    def of(cls, transcript: Transcript, up: str, down: str, times: int = 1) -> "Traffic":
        """Return the traffic of `times` runs such as the one in `transcript`, side by side."""
        return cls(
            times * transcript.bytes_from(up),
            times * transcript.bytes_from(down),
            transcript.rounds,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One thing to measure. A lap is `prepare`, which is not timed, and then `work`.

    `units` is how many results a lap yields. `limit` names the case of the same group that is
    the limit of this one, `target` says what is to be reached. `once` is for work that takes
    long: one lap, no warm-up. `traffic`, `note` and `peak_rss_mb` are asked after the laps;
    without the latter the peak is this process' and that of `processes`, whose CPU time counts
    as well. `virtual` is asked after each lap for its seconds where they are not the wall's, and
    none of CPU. `whole` is how many units a user would want at once, where a lap yields fewer or
    more: 1 of what comes one at a time, all of what is measured on a part.
    """

    name: str
    phase: Phase
    units: int
    work: Callable[[], None]
    whole: int = 0
    prepare: Callable[[], None] = nothing
    traffic: Callable[[], Traffic] = Traffic
    limit: str = ""
    target: str = ""
    note: Callable[[], str] = str
    once: bool = False
    threads: int = 1
    threat_model: str = ""
    security_bits: int = 0
    processes: Callable[[], Sequence[int]] = tuple
    peak_rss_mb: Callable[[], float] | None = None
    virtual: Callable[[], float] | None = None


Group = Sequence[Case]


@dataclass(frozen=True, slots=True)
class Bench:
    """A named bench. `groups` sets up for its settings and hands out groups one after another.

    `defaults` are all whole numbers there are to set, `words` all else: what each may be, the
    first without a wish; any text, none without a wish, where that is empty. `size` names the
    number that says how large the input is.
    """

    name: str
    summary: str
    defaults: Parameters
    groups: Callable[[Settings], AbstractContextManager[Iterator[Group]]]
    words: Mapping[str, Sequence[str]] = field(default_factory=dict)
    size: str = ""

    def parameters(self, given: Sequence[str]) -> Settings:
        """Return the settings with `given`, each `key=value`, in place of the defaults.

        Raises:
            InputInvalidError: a key is not known, or a value is not one of the key's.

        """
        words = {key: known[0] if known else "" for key, known in self.words.items()}
        found = Settings(self.defaults, words)
        for text in given:
            key, _, value = text.partition("=")
            if key in self.words:
                words[key] = self._word(key, value)
            elif key in self.defaults:
                found[key] = self._number(key, value)
            else:
                raise InputInvalidError(
                    f"bench {self.name} has no parameter {key!r}",
                    clause="bench.set",
                    remedy=f"set one of: {', '.join(found.together())}",
                )
        return Settings(found, words)

    def _word(self, key: str, value: str) -> str:
        known = self.words[key]
        if known and value not in known:
            raise InputInvalidError(
                f"{key} is not {value!r}",
                clause="bench.set",
                remedy=f"set {key} to one of: {', '.join(known)}",
            )
        return value

    def _number(self, key: str, value: str) -> int:
        try:
            return int(value)
        except ValueError:
            raise InputInvalidError(
                f"{key} takes a whole number",
                clause="bench.set",
                remedy=f"for example --set {key}={self.defaults[key]}",
            ) from None


def oprf_bits(evaluations: int) -> int:
    """Return the security left after so many evaluations under one key (RFC 9497 7.2.3)."""
    return floor(CURVE_BITS - log2(max(evaluations, 1)) / 2)
