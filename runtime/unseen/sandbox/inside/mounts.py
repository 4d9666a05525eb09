"""tmpfs(5): the only places that can be written, in memory, bounded in bytes and in names.

Stops: files on the host's disk, a disk filled, memory filled by many empty files (bubblewrap bounds
no inodes: 227,000 files in two seconds), set-user-id files, devices, and programs or libraries
that the program writes and then runs or loads (noexec).
"""

from unseen.sandbox.inside.libc import LIBC, checked

_NOSUID = 2
_NODEV = 4
_NOEXEC = 8
_PAGE = 4096


def mount_tmpfs(path: str, size: int, names: int) -> None:
    """Mount an empty folder at `path`: `size` bytes in whole pages, `names` files and folders.

    Raises:
        OSError: this process may not mount, or the path is missing.

    """
    pages = -(-size // _PAGE)
    data = f"size={pages * _PAGE},nr_inodes={names + 1},mode=0700"  # the folder itself is one
    flags = _NOSUID | _NODEV | _NOEXEC
    where = path.encode()
    checked(f"mount {path}", LIBC.mount(b"tmpfs", where, b"tmpfs", flags, data.encode()))
