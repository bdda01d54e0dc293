"""Locks on open files. The system takes them back when a process ends, however it ends."""

from __future__ import annotations

import errno
import sys
import time
from typing import BinaryIO

_BUSY = (errno.EWOULDBLOCK, errno.EAGAIN, errno.EACCES, errno.EDEADLK)

if sys.platform == "win32":
    import msvcrt

    def lock(file: BinaryIO, *, shared: bool = False, wait: bool = False) -> bool:
        """See below. Windows itself refuses to delete a file that is open, so shared locks are not needed there."""
        while not shared:
            try:
                msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
            except OSError as error:
                if error.errno not in _BUSY:
                    raise
                if not wait:
                    return False
                time.sleep(0.2)
            else:
                break
        return True

else:
    import fcntl

    def lock(file: BinaryIO, *, shared: bool = False, wait: bool = False) -> bool:
        """Lock an open file until it is closed.

        Args:
            file: Open for reading and writing, or for reading alone where the lock is shared.
            shared: Others may share it, but not have it for themselves.
            wait: Until it is free.

        Returns:
            Whether it is held now.

        Raises:
            OSError: The file system has no locks.
        """
        kind = fcntl.LOCK_SH if shared else fcntl.LOCK_EX
        try:
            fcntl.flock(file, kind if wait else kind | fcntl.LOCK_NB)
        except OSError as error:
            if error.errno not in _BUSY:
                raise
            return False
        return True
