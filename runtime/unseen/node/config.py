"""The node's settings: `node.toml` in its home, overridden by `UNSEEN_*` in the environment."""

import os
import tomllib
from pathlib import Path
from typing import Any

from pydantic import Field, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict, SettingsError

from unseen.evidence.contracts.clauses import MAX_LATENCY_SECONDS
from unseen.node.errors import ConfigInvalidError

FILE = "node.toml"
LOCAL = "local"
CLUSTER = "cluster"  # the folder of a cluster's files in a home
TABLES = "tables"  # the folder of encrypted tables in a home
_PARTY = "profile.json"  # of a client home
WILDCARDS = ("0.0.0.0", "[::]", "::")  # noqa: S104 - compared, not bound


class Settings(BaseSettings):
    """What an operator may set. Every field is described in `docs/operations.md`."""

    model_config = SettingsConfigDict(env_prefix="UNSEEN_", extra="forbid", frozen=True)

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9-]{0,39}$")
    listen: str = Field(default="127.0.0.1:8443", pattern=r"^\[?[0-9A-Za-z.:-]+\]?:\d{1,5}$")
    # What invitations tell others to connect to; needed where `listen` is a wildcard.
    advertise: str = Field(default="", pattern=r"^(\[?[0-9A-Za-z.:-]+\]?:\d{1,5})?$")
    hosts: list[str] = Field(default_factory=lambda: ["localhost", "127.0.0.1"])
    key_file: str = "keys/vault.key"
    workers: int = Field(default=0, ge=0, le=256)  # 0: one for each core
    # Where long tasks run: `local`, or `dask://HOST:PORT` with the files in `cluster`.
    executor: str = Field(default=LOCAL, pattern=r"^(local|dask://\[?[0-9A-Za-z.:-]+\]?:\d{1,5})$")
    cluster: str = CLUSTER
    # A folder that all the cluster's machines see under one path; temporary files lie in it.
    shared: str = ""
    memory_mb: int = Field(default=1024, ge=256)
    # What runs of intersections may have in files, all together.
    intersections_mb: int = Field(default=16_384, ge=1)
    scores_mb: int = Field(default=16_384, ge=1)
    trainings_mb: int = Field(default=16_384, ge=1)
    # Rows from which a table is cut into parts; below, a second process costs more than it saves.
    cut_rows: int = Field(default=50_000, ge=1)
    # A larger matrix of a hidden table, in MiB, stays where a cluster sees it, which then answers.
    matrix_mb: int = Field(default=32_768, ge=0)
    # Rows from which a question over a table is counted in parts, on a cluster.
    cut_count_rows: int = Field(default=20_000_000, ge=1)
    max_jobs: int = Field(default=1, ge=1, le=64)
    max_in_flight: int = Field(default=1024, ge=1)
    max_in_flight_per_party: int = Field(default=256, ge=1)
    max_streams: int = Field(default=128, ge=1)
    call_seconds: float = Field(default=30.0, gt=0)
    long_call_seconds: float = Field(default=600.0, gt=0)
    # A question about a whole table; less than a signed request is good for (15 minutes).
    question_seconds: float = Field(default=120.0, gt=0, le=840)
    review_hours: float = Field(default=72.0, gt=0, le=720)
    drain_seconds: float = Field(default=10.0, ge=0)
    # How long after a withdrawal a hidden lookup may still serve the subject's row; for new
    # contracts, which write it down.
    consent_latency_seconds: int = Field(default=86_400, ge=0, le=MAX_LATENCY_SECONDS)
    reflection: bool = True

    def worker_count(self) -> int:
        """Return how many online worker processes to run."""
        return self.workers or len(os.sched_getaffinity(0))

    def key_path(self, home: Path) -> Path:
        """Return where the vault's key file is; a relative path starts at the home."""
        return home / self.key_file

    def cluster_path(self, home: Path) -> Path:
        """Return where a cluster's files are; a relative path starts at the home."""
        return (home / self.cluster).resolve()

    def spool_path(self, home: Path) -> Path:
        """Return the folder of temporary files, which is the node's alone."""
        own = home / self.shared / f"unseen-{self.name}" if self.shared else home / "spool"
        return own.resolve()

    def matrices_path(self, home: Path) -> Path:
        """Return the folder of matrices that a cluster's machines answer from."""
        own = home / self.shared / f"unseen-{self.name}-matrices" if self.shared else home / TABLES
        return own.resolve()


def load_settings(home: Path, **typed: str) -> Settings:
    """Read the settings of a node home; `typed` are those that somebody gave at the start.

    Raises:
        ConfigInvalidError: no node lives there, or a setting is unknown or out of range.

    """
    try:
        values: dict[str, Any] = tomllib.loads((home / FILE).read_text())
    except OSError:
        if (home / _PARTY).exists():
            raise ConfigInvalidError(
                "this is the home of a party, and no node's",
                clause="node.home",
                remedy="name the node's home, or make one: unseen node init --home DIR",
            ) from None
        if (home / "keys").exists():
            raise ConfigInvalidError(
                f"{FILE} is missing from a home that has a node's keys",
                clause="node.settings",
                remedy="restore it, or write it anew: name and listen, see docs/operations.md",
            ) from None
        raise ConfigInvalidError(
            "there is no node in this home",
            clause="node.home",
            remedy="make one: unseen node init --home DIR",
        ) from None
    except ValueError as error:  # not TOML, or not UTF-8
        raise _invalid(str(error)) from None
    # The environment wins over the file, so the file gives the defaults.
    given = {key.removeprefix("UNSEEN_").lower() for key in os.environ if key.startswith("UNSEEN_")}
    try:
        kept = {key: value for key, value in values.items() if key not in given}
        return Settings(**{**kept, **typed})
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        unknown = first["type"] == "extra_forbidden"
        raise _invalid(
            f"no setting is called {where}" if unknown else f"{where}: {first['msg']}"
        ) from None
    except SettingsError as error:
        raise _invalid(str(error)) from None


def write_settings(home: Path, *, name: str, listen: str, hosts: list[str]) -> None:
    """Write a new home's settings file."""
    quoted = ", ".join(f'"{host}"' for host in hosts)
    (home / FILE).write_text(
        "# Settings of this unseen node; see docs/operations.md for every field.\n"
        f'name = "{name}"\nlisten = "{listen}"\nhosts = [{quoted}]\n'
    )


def _invalid(detail: str) -> ConfigInvalidError:
    return ConfigInvalidError(
        f"node.toml or an UNSEEN_ variable is not valid: {detail}",
        clause="node.settings",
        remedy="see docs/operations.md for the settings and their ranges",
    )
