"""Object storage by fsspec: list, copy and remove what is below a URL, with errors of one line."""

import errno
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import PurePosixPath
from typing import Any, Protocol

import msgspec

from system.errors import DefectlineError, InputError, OptionError, StorageError, first_line

INSTALL = 'install it: pip install "defectline[storage]"'
MAGIC = frozenset("*?[")  # fsspec's `rm` takes a name with one of these for a pattern and removes what matches
BATCH = 64  # files that are copied at the same time
LOCAL_FAULTS = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EMFILE, errno.EFBIG})
# What a listing can state about the version of an object; without any, its content is never taken from the cache.
VERSIONS = ("ETag", "etag", "md5Hash", "generation", "LastModified", "last_modified", "mtime", "created")
VERSION_MARK = "?versionId="  # s3fs reads and writes the object whose name is what precedes it
MAKES_FOLDERS = frozenset({"file", "local", "memory", "sftp", "ssh", "ftp", "smb", "hdfs"})
S3_OPTIONS = {"config_kwargs": {"connect_timeout": 5, "read_timeout": 60, "retries": {"max_attempts": 2}}}
UNREACHABLE = ("EndpointConnectionError", "ConnectTimeoutError", "ConnectionError", "ConnectionRefusedError",
               "TimeoutError", "FSTimeoutError", "ClientConnectorError", "ReadTimeoutError", "HTTPClientError",
               "ClientConnectorDNSError", "ConnectionClosedError")  # fmt: skip
DENIED = ("PermissionError", "NoCredentialsError", "PartialCredentialsError", "TokenRetrievalError",
          "ProfileNotFound", "UnauthorizedSSOTokenError")  # fmt: skip


class FileSystem(Protocol):
    """The part of fsspec's interface that is used."""

    def find(self, path: str, *, detail: bool) -> dict[str, dict[str, object]]:
        """Every object below `path`, or `path` itself if it is one."""

    def get(self, rpath: list[str], lpath: list[str], **options: object) -> object:
        """Copy objects to local files."""

    def put(self, lpath: list[str], rpath: list[str], **options: object) -> object:
        """Copy local files to objects."""

    def rm(self, path: list[str]) -> object:
        """Remove objects, whose names may be patterns."""

    def rm_file(self, path: str) -> object:
        """Remove one object."""

    def cat_file(self, path: str) -> bytes:
        """The content of an object."""

    def pipe_file(self, path: str, value: bytes, mode: str = "overwrite") -> object:
        """Write an object; with mode "create" only a new one."""

    def makedirs(self, path: str, exist_ok: bool = False) -> None:
        """Make a folder."""

    def invalidate_cache(self) -> None:
        """Forget listings."""


class Listed(msgspec.Struct, frozen=True):
    """One object: its size in bytes, and what changes with its content; None if the storage states nothing."""

    size: int
    version: str | None


class Store:
    """What is stored below one URL. Names are relative to it; the name "" is the object with the URL itself."""

    def __init__(self, url: str) -> None:
        """Raises OptionError for an unknown scheme or a missing package, StorageError for unusable settings.

        Raises InputError as `check_versions`.
        """
        self.url = url
        check_versions(url, [url])
        self._fs, self._root, self._folders = _open(url)

    def list(self) -> dict[str, Listed]:
        """Every object, by name; empty if there is none. Raises StorageError, InputError for unusable names."""
        with storage_errors(self.url):
            self._fs.invalidate_cache()
            try:
                found = self._fs.find(self._root, detail=True)
            except FileNotFoundError:
                if not self._folders:
                    raise
                return {}
        objects = {path: info for path, info in found.items() if info.get("type") != "directory"}
        listed = {self._name(path): _listed(info) for path, info in sorted(objects.items())
                  if not path.endswith("/")}  # fmt: skip
        _check_names(self.url, listed)
        return listed

    def get(self, pairs: Sequence[tuple[str, str]]) -> None:
        """Copy objects (name, local path). Raises StorageError, and OSError for a full disk."""
        with storage_errors(self.url):
            self._fs.get([self._path(name) for name, _ in pairs], [path for _, path in pairs], batch_size=BATCH)

    def put(self, pairs: Sequence[tuple[str, str]]) -> None:
        """Copy local files (name, local path). Raises StorageError."""
        with storage_errors(self.url):
            if self._folders:
                for name, _ in pairs:
                    self._fs.makedirs(self._path(name).rpartition("/")[0], exist_ok=True)
            self._fs.put([path for _, path in pairs], [self._path(name) for name, _ in pairs], batch_size=BATCH)

    def remove(self, names: Sequence[str]) -> None:
        """Remove objects. Raises StorageError."""
        with storage_errors(self.url):
            paths = [self._path(name) for name in names]
            if plain := [path for path in paths if MAGIC.isdisjoint(path)]:
                self._fs.rm(plain)
            for path in paths:
                if not MAGIC.isdisjoint(path):
                    self._fs.rm_file(path)

    def read(self, name: str) -> bytes:
        """The content of an object. Raises StorageError."""
        with storage_errors(self.url):
            return self._fs.cat_file(self._path(name))

    def write(self, name: str, data: bytes, *, new: bool) -> bool:
        """Write an object; if it must be `new` and exists, write nothing and return False. Raises StorageError."""
        with storage_errors(self.url):
            if self._folders:
                self._fs.makedirs(self._root, exist_ok=True)
            try:
                self._fs.pipe_file(self._path(name), data, mode="create" if new else "overwrite")
            except FileExistsError:
                return False
        return True

    def _path(self, name: str) -> str:
        return f"{self._root}/{name}" if name else self._root

    def _name(self, path: str) -> str:
        return path.removeprefix(self._root).removeprefix("/")


@contextmanager
def storage_errors(url: str) -> Iterator[None]:
    """Raise StorageError for errors of fsspec and of the libraries below it, not for those of the local disk."""
    try:
        yield
    except DefectlineError:
        raise
    except Exception as error:
        if isinstance(error, OSError) and error.errno in LOCAL_FAULTS:
            raise
        names = {kind.__name__ for kind in type(error).__mro__}
        reason = first_line(error, 200)
        if not names.isdisjoint(UNREACHABLE):
            problem, remedy = "the server cannot be reached", "check the address and the network"
        elif not names.isdisjoint(DENIED):
            problem, remedy = "access denied", "check the credentials and what they allow (docs/storage.md)"
        elif isinstance(error, FileNotFoundError):
            problem, remedy = "no such bucket or object", "check the URL"
        else:
            problem, remedy = "the storage failed", "try again, or check its settings (docs/storage.md)"
        raise StorageError(url, f"{problem} ({reason})", remedy) from None


def _open(url: str) -> tuple[FileSystem, str, bool]:
    """The file system of a URL, the path in it, and whether it has real folders, which must be made first."""
    scheme = url.partition("://")[0]
    if find_spec("fsspec") is None:
        raise OptionError(url, "needs the package fsspec", INSTALL)
    import fsspec

    options: Mapping[str, Any] = S3_OPTIONS if scheme in {"s3", "s3a"} else {}
    try:
        fs, root = fsspec.url_to_fs(url, **options)
    except ImportError as error:
        remedy = INSTALL if scheme in {"s3", "s3a"} else "install it"
        raise OptionError(url, f"needs a package that is missing ({first_line(error, 100)})", remedy) from None
    except ValueError as error:
        raise OptionError(url, first_line(error, 100), "give a URL such as s3://bucket/prefix") from None
    except Exception as error:  # noqa: BLE001  the settings of any storage library
        problem = f"cannot be opened ({first_line(error, 200)})"
        raise StorageError(url, problem, "check its settings (docs/storage.md)") from None
    return fs, root, scheme in MAKES_FOLDERS


def _listed(info: Mapping[str, object]) -> Listed:
    stated = [f"{key}={info[key]}" for key in VERSIONS if info.get(key) is not None]
    size = info.get("size")
    return Listed(size if isinstance(size, int) else -1, " ".join(stated) or None)


def check_versions(url: str, names: Iterable[str]) -> None:
    """Raise InputError for a name that s3fs takes for a version of another object."""
    for name in names:
        if VERSION_MARK in name:
            problem = f"the name {name!a} would mean a version of another object"
            raise InputError(url, problem, f"give it a name without {VERSION_MARK}")


def _check_names(url: str, names: Mapping[str, object]) -> None:
    """Raise InputError for names that no local file can have, or that would be outside the local folder.

    Raises InputError as `check_versions`.
    """
    check_versions(url, names)
    for name in names:
        parts = name.split("/")
        if name and (any(part in {"", ".", ".."} for part in parts) or "\0" in name or "\\" in name):
            raise InputError(url, f"the object {name!a} has a name that no file can have", "rename it")
        above = next((str(folder) for folder in PurePosixPath(name).parents if str(folder) in names), None)
        if above is not None:
            raise InputError(url, f"{above!a} is both an object and a folder", "rename one of them")
