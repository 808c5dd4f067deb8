"""Files that appear in a watched folder: each is ready when it is complete, also if it is written slowly."""

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from datasets.images.image_file import is_image

SETTLE_SECONDS = 0.5  # a file is complete if it has not changed for this long, and can be decoded
GIVE_UP_SECONDS = 10.0  # a file that cannot be decoded is damaged if it has not changed for this long


class FileState(NamedTuple):
    """Size in bytes, and the times of the last change of the content and of the file itself, in nanoseconds.

    Programs that copy files may set `modified` to that of the original, and images may have equal sizes;
    `changed` is set by the system alone. On Windows it is the time when the file was made.
    """

    size: int
    modified: int
    changed: int


class Waiting(NamedTuple):
    """The last known state of a file, and since when it has not changed, in seconds of the clock."""

    state: FileState
    since: float
    tried: bool = False


class Arrivals:
    """Image files below `folder` that are not finished, oldest change first; `clock` counts seconds.

    A file is finished in one state and starts again if it changes.
    """

    def __init__(self, folder: Path, clock: Callable[[], float] = time.monotonic) -> None:
        self.folder = folder
        self._clock = clock
        self._waiting: dict[Path, Waiting] = {}
        self._finished: dict[Path, FileState] = {}
        self._unusual: dict[Path, str] = {}  # why it is left out, empty once that was reported

    def __len__(self) -> int:
        return len(self._waiting)

    def note(self, path: Path) -> None:
        """A file that appeared or changed. Ignores what is not the name of an image, and files that are gone."""
        if not is_image(path) or any(part.startswith(".") for part in path.relative_to(self.folder).parts):
            return
        state = state_of(path)
        if state is None:
            self._waiting.pop(path, None)
            if os.path.lexists(path) and not path.is_dir():
                self._unusual.setdefault(path, "not a regular file")
        elif not is_unicode(path):
            self._unusual.setdefault(path, "its name is not Unicode")
        elif self._finished.get(path) != state:
            known = self._waiting.get(path)
            if known is None or known.state != state:
                self._waiting[path] = Waiting(state, self._clock())

    def scan(self) -> None:
        """Note every file below the folder: at the start, and for network drives, which report no changes.

        Raises OSError if the folder cannot be read.
        """
        os.scandir(self.folder).close()  # os.walk is silent about errors
        for folder, folders, names in os.walk(self.folder):
            folders[:] = [name for name in folders if not name.startswith(".")]
            for link in (Path(folder, name) for name in folders):
                if link.is_symlink():  # os.walk does not follow it
                    self._unusual.setdefault(link, "a link to a folder")
            for name in names:
                self.note(Path(folder, name))

    def unusual(self) -> list[tuple[Path, str]]:
        """What has the name of an image and is left out, and links to folders, with the reason; each comes once.

        Pipes, devices and broken links are never read.
        """
        found = [(path, reason) for path, reason in self._unusual.items() if reason]
        self._unusual.update((path, "") for path, _ in found)
        return found

    def ready(self) -> list[tuple[Path, bool]]:
        """The files that have settled, and whether this is the last try to read each, by age and name."""
        for path in list(self._waiting):
            self.note(path)
        now = self._clock()
        found = []
        for path, (_, since, tried) in self._waiting.items():
            quiet = now - since
            if quiet >= (GIVE_UP_SECONDS if tried else SETTLE_SECONDS):
                found.append((since, path, quiet >= GIVE_UP_SECONDS))
        return [(path, last) for _, path, last in sorted(found)]

    def state(self, path: Path) -> FileState:
        """The state in which `path` was found ready."""
        return self._waiting[path].state

    def finish(self, path: Path, state: FileState) -> None:
        """The file is not to be read again in this state."""
        self._finished[path] = state
        waiting = self._waiting.get(path)
        if waiting and waiting.state == state:
            del self._waiting[path]

    def postpone(self, path: Path) -> None:
        """The file cannot be read yet: try again when it changes, or for the last time after GIVE_UP_SECONDS."""
        self._waiting[path] = self._waiting[path]._replace(tried=True)


def is_unicode(path: Path) -> bool:
    """Whether the name can be stored in JSON."""
    return not any("\ud800" <= character <= "\udfff" for character in str(path))


def state_of(path: Path) -> FileState | None:
    """The state of a regular file; None if it is gone or is something else."""
    try:
        status = path.stat()
    except OSError:
        return None
    return FileState(status.st_size, status.st_mtime_ns, status.st_ctime_ns) if path.is_file() else None
