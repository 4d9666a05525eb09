"""What opens a cluster: its own authority's certificate, and one that all its members share.

The authority is none of the node's: whoever the domain's authority certifies is a buyer, and
whoever a cluster's authority certifies may run any code on each of its machines (ADR 0039). Its
key is used once and never written, so nobody can be let in later: a new member is given the
folder, and somebody is cut off by making another folder for all the rest.
"""

import datetime as dt
from dataclasses import dataclass
from pathlib import Path

from unseen.node.errors import ConfigInvalidError
from unseen.node.identity.certificates import issue_member, make_authority
from unseen.node.identity.vault import write_private

_CA = "ca.pem"
_MEMBER = "member.pem"
KERNELS = "kernels"
_CLAUSE = "node.cluster"


@dataclass(frozen=True, slots=True)
class Files:
    """The folder of a cluster's files."""

    folder: Path

    @property
    def ca(self) -> Path:
        """Return where the authority's certificate is."""
        return self.folder / _CA

    @property
    def member(self) -> Path:
        """Return where the members' certificate and private key are, one after the other."""
        return self.folder / _MEMBER

    def check(self) -> None:
        """Raise unless both files are there, and the key for its owner alone.

        Raises:
            ConfigInvalidError: as said.

        """
        try:
            shared = self.member.stat().st_mode & 0o077 or not self.ca.is_file()
        except OSError:
            raise ConfigInvalidError(
                f"{self.folder} holds no files of a cluster",
                clause=_CLAUSE,
                remedy="make them, once for all machines: unseen node cluster init",
            ) from None
        if shared:
            raise ConfigInvalidError(
                f"others may read {self.member}, or {self.ca} is missing",
                clause=_CLAUSE,
                remedy="copy the folder as it was made, files with mode 0600",
            )


def make_files(folder: Path, name: str, now: dt.datetime, life: dt.timedelta) -> Files:
    """Write a new cluster's files into `folder`, good for `life`.

    Raises:
        ConfigInvalidError: the folder holds a cluster's files already.

    """
    files = Files(folder)
    if files.member.exists() or files.ca.exists():
        raise ConfigInvalidError(
            f"{folder} holds a cluster's files already",
            clause=_CLAUSE,
            remedy="choose another folder, or move these away: no machine with them is let in then",
        )
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    authority = make_authority(f"{name} cluster", now, life)
    member = issue_member(authority, name, now, life)
    write_private(files.ca, authority.certificate_pem())
    write_private(files.member, member.certificate_pem() + member.key_pem())
    return files
