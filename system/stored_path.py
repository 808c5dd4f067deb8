"""Arguments of a command that take a URL of object storage, such as s3://bucket/prefix, in place of a path.

The command itself only sees a local path. What is stored there is copied to it before the command runs, and what
the command writes is copied back afterwards, both by system.storage_session, which is imported only for a URL.
"""

import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import TYPE_CHECKING
from uuid import uuid4

from typer.core import TyperCommand, TyperGroup
from typer.models import TyperPath

from system.errors import OptionError
from system.progress import Progress
from system.shown_names import show_as, show_unchanged
from system.stored_place import Place, Role, cache_folder

if TYPE_CHECKING:
    from typer import Context
    from typer.core import TyperArgument, TyperOption

URL = re.compile(r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]+)://(?P<path>.*)", re.DOTALL)
PASSWORD = re.compile(r"[^/]*:[^/]*@")


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
        if not {".", ".."}.isdisjoint(path.split("/")):  # in a storage only a name, here another folder
            raise OptionError(named, "contains . or .. as a folder", "give the URL without them")
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


@contextmanager
def new_places() -> Iterator[None]:
    """Forget the URLs of the command line when the block ends."""
    try:
        yield
    finally:
        _PLACES.clear()
        show_unchanged()


def take_urls(command: object, progress: Progress) -> None:
    """Let `command` and its subcommands copy what URLs name to local paths before they run, and back afterwards.

    They then raise OptionError for a URL in an argument that takes only paths.
    """
    if isinstance(command, TyperGroup):
        for subcommand in command.commands.values():
            take_urls(subcommand, progress)
    elif isinstance(command, TyperCommand) and command.callback:
        command.callback = _with_storage(command, command.callback, progress)


def _with_storage(
    command: TyperCommand, callback: Callable[..., object], progress: Progress
) -> Callable[..., object]:
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
        if os.environ.get("WORLD_SIZE", "1") != "1":
            problem = "takes no URL in a process of torchrun"
            raise OptionError(_PLACES[0].shown, problem, "give a path that all processes share")
        from system.storage_session import storage_session

        with storage_session(_PLACES, values, progress):
            return callback(**values)

    return copied


def _refuse_urls(parameter: str, value: object) -> None:
    for one in value if isinstance(value, list | tuple) else [value]:
        if isinstance(one, str | os.PathLike) and URL.fullmatch(os.fspath(one)):
            raise OptionError(f"{parameter} {os.fspath(one)}", "takes no URL", "give a path (docs/storage.md)")
