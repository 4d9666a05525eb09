"""Moving a finished file out of the spool, which may lie on another file system."""

import errno
import os
import shutil
from pathlib import Path


def move_whole(source: Path, target: Path) -> None:
    """Move a file so that `target` is there whole or not at all; takes long between file systems.

    Raises:
        OSError: it cannot be written; `target` is as it was.

    """
    try:
        source.replace(target)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
    else:
        return
    partial = target.with_name(f"{target.name}.part")
    try:
        with source.open("rb") as whole, partial.open("wb") as copy:
            shutil.copyfileobj(whole, copy, 1 << 20)
            copy.flush()
            os.fsync(copy.fileno())
        partial.replace(target)
    except OSError:
        partial.unlink(missing_ok=True)
        raise
    source.unlink()
