"""The URLs of a command line: what each is for, and where its local copy is."""

import os
from dataclasses import dataclass
from enum import Enum
from pathlib import Path


class Role(Enum):
    """What a command does with an argument.

    READ: reads a file or folder. NEW: makes a folder that must not exist yet, unless --overwrite is given. FILE:
    writes a file, and perhaps others beside it. UPDATED: reads a folder and adds or replaces files in it. ADDED:
    makes a new folder two levels below, such as runs/seg/NAME. SOURCES_AND_NEW: the last value is NEW, the others
    READ.
    """

    READ = "read"
    NEW = "new"
    FILE = "file"
    UPDATED = "updated"
    ADDED = "added"
    SOURCES_AND_NEW = "sources and new"


@dataclass(frozen=True, slots=True)
class Place:
    """One URL of the command line: the option or argument that it was given for, and its local path.

    With `read_if`, an UPDATED folder is only read if that parameter has a value.
    """

    url: str
    role: Role
    parameter: str
    shown: str
    local: Path
    read_if: str | None = None


def cache_folder() -> Path:
    """Where copies of stored files are kept: DEFECTLINE_CACHE, else defectline/storage in the user's cache."""
    if chosen := os.environ.get("DEFECTLINE_CACHE"):
        return Path(chosen).resolve()
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache").resolve() / "defectline" / "storage"
