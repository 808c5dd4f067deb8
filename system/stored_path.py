"""Arguments of a command that take a URL of object storage, such as s3://bucket/prefix, in place of a path.

The command itself only sees a local path. What is stored there is copied to it before the command runs, and what
the command writes is copied back afterwards, both by system.storage_session, which is imported only for a URL.
"""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import Enum
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

from typer.core import TyperCommand
from typer.models import TyperPath

from system.errors import OptionError
from system.shown_names import show_as, show_unchanged

if TYPE_CHECKING:
    from typer import Context
    from typer.core import TyperArgument, TyperOption

URL = re.compile(r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]+)://(?P<path>.*)", re.DOTALL)
PASSWORD = re.compile(r"[^/]*:[^/]*@")


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


_PLACES: list[Place] = []  # of the command line that is parsed now


class StoredPath(TyperPath):
    """The type of a path argument that also takes a URL."""

    def __init__(self, role: Role, read_if: str | None = None) -> None:
        super().__init__()
        self.role, self.read_if = role, read_if

    def convert(  # type: ignore[override]  # the types of click, which typer does not export
        self,
        value: str | os.PathLike[str],
        param: "TyperArgument | TyperOption | None",
        ctx: "Context | None",
    ) -> str | bytes | os.PathLike[str]:
        """The local path of a URL; any other value as TyperPath converts it."""
        if param is None or not isinstance(value, str) or not (match := URL.fullmatch(value)):
            return super().convert(value, param, ctx)
        named = f"{max(param.opts, key=len)} {value}" if param.param_type_name == "option" else value
        if PASSWORD.match(match["path"]):
            raise OptionError(param.name or "URL", "contains a password", "leave it out; see docs/storage.md")
        if "::" in value:
            raise OptionError(named, "a chain of file systems", "give one URL")
        path = match["path"].strip("/")
        if not path:
            raise OptionError(named, "names no bucket", "give a URL such as s3://bucket/prefix")
        url = f"{match['scheme'].lower()}://{'/' * match['path'].startswith('/')}{path}"
        above, _, name = url.rpartition("/")
        folder = cache_folder() / "work" / uuid4().hex
        show_as(str(folder), above)
        place = Place(url, self.role, param.name or "", named, folder / name, self.read_if)
        _PLACES.append(place)
        return place.local


READ, NEW, FILE = StoredPath(Role.READ), StoredPath(Role.NEW), StoredPath(Role.FILE)
UPDATED, ADDED = StoredPath(Role.UPDATED), StoredPath(Role.ADDED)
SOURCES_AND_NEW = StoredPath(Role.SOURCES_AND_NEW)


def cache_folder() -> Path:
    """Where copies of stored files are kept: DEFECTLINE_CACHE, else defectline/storage in the user's cache."""
    if chosen := os.environ.get("DEFECTLINE_CACHE"):
        return Path(chosen).absolute()
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache").absolute() / "defectline" / "storage"


@contextmanager
def new_places() -> Iterator[None]:
    """Forget the URLs of the command line when the block ends."""
    try:
        yield
    finally:
        _PLACES.clear()
        show_unchanged()


def with_storage(command: TyperCommand) -> None:
    """Let `command` copy what its URLs name to their local paths before it runs, and back afterwards.

    It then raises OptionError for a URL in an argument that takes only paths.
    """
    callback = command.callback
    if callback is None:
        return
    only_paths = {
        param.name or "": max(param.opts, key=len)
        for param in command.params
        if isinstance(param.type, TyperPath) and not isinstance(param.type, StoredPath)
    }

    @wraps(callback)
    def copied(**values: object) -> object:
        for name, shown in only_paths.items():
            _refuse_urls(shown, values.get(name))
        if not _PLACES:
            return callback(**values)
        from system.storage_session import storage_session

        with storage_session(_PLACES, values):
            return callback(**values)

    command.callback = copied


def _refuse_urls(parameter: str, value: object) -> None:
    for one in value if isinstance(value, list | tuple) else [value]:
        if isinstance(one, str | os.PathLike) and URL.fullmatch(os.fspath(one)):
            raise OptionError(f"{parameter} {os.fspath(one)}", "takes no URL", "give a path (docs/storage.md)")
