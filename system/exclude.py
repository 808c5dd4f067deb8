"""Files that the user excludes by patterns (`--exclude GLOB`)."""

import posixpath
import unicodedata
from collections.abc import Sequence
from fnmatch import fnmatchcase
from pathlib import Path

from system.errors import OptionError


class Excluder:
    """Decides which files are excluded, and remembers them.

    A pattern is compared with the path relative to the source, with forward slashes, and with the name alone. `*`
    also matches slashes. Case matters, the Unicode form does not. Raises OptionError for an empty pattern.
    """

    def __init__(self, patterns: Sequence[str] = ()) -> None:
        if not all(pattern.strip() for pattern in patterns):
            raise OptionError("--exclude ''", "an empty pattern", "give one such as '*_old.png'")
        self._patterns = {pattern: unicodedata.normalize("NFC", pattern) for pattern in patterns}
        self._used: set[str] = set()
        self._files: dict[tuple[str, str], str] = {}

    def excludes(self, root: Path, relative: str) -> bool:
        """Whether the file `relative` below `root` is excluded. An excluded file is remembered."""
        first = self.match(relative)
        if first is not None:
            self._files.setdefault((str(root), relative), first)
        return first is not None

    def match(self, relative: str) -> str | None:
        """The first pattern that matches, None if none does; the file is not remembered."""
        if not self._patterns:
            return None
        path = unicodedata.normalize("NFC", relative)
        names = (path, posixpath.basename(path))
        matching = [p for p, glob in self._patterns.items() if any(fnmatchcase(name, glob) for name in names)]
        self._used.update(matching)
        return matching[0] if matching else None

    def files(self) -> list[tuple[str, str]]:
        """The path of each excluded file relative to the source, and the pattern that matched.

        Raises OptionError for a pattern that matched no file, which is probably misspelt.
        """
        for pattern in self._patterns:
            if pattern not in self._used:
                remedy = "correct the pattern, or leave it out"
                raise OptionError(f"--exclude {pattern}", "matches no file that is read", remedy)
        return [(relative, pattern) for (_, relative), pattern in self._files.items()]

    def stems(self) -> set[str]:
        """The names of the excluded files without folder and ending.

        If an annotation file is excluded, the image with the same name must not become a negative.
        """
        return {posixpath.splitext(posixpath.basename(relative))[0] for _, relative in self._files}


NOTHING = Excluder()  # excludes no file
