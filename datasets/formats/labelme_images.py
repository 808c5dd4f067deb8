"""Find the image that a labelme file describes: by its path, next to the file, in another folder or embedded."""

import os
import posixpath
from collections.abc import Callable, Iterable, Sequence
from functools import cached_property, lru_cache
from pathlib import Path, PureWindowsPath

import msgspec

from datasets.formats.file_names import fold_path
from datasets.formats.labelme import is_labelme
from datasets.formats.other_folder import contradicting_folder, folder_problem
from datasets.images.image_file import SUFFIXES, is_image
from system.errors import InputError
from system.exclude import NOTHING, Excluder
from system.files import check_unicode


class Tree(msgspec.Struct, frozen=True):
    """The labelme files and the images below `root`, as relative paths without hidden files and folders.

    `files` is sorted. `links` contains those of the `images` that are symbolic links.
    """

    root: Path
    files: list[str]
    images: frozenset[str]
    links: frozenset[str] = frozenset()


class Found(msgspec.Struct, frozen=True):
    """An image: `file_name` is its name in the dataset, `path` is None if it is embedded in the JSON file.

    `event_code` is empty if the image is at the path in the JSON file, otherwise the code of an event.
    """

    file_name: str
    path: str | None
    event_code: str = ""


def list_tree(root: Path, exclude: Excluder = NOTHING) -> Tree:
    """List `root` recursively, without what `exclude` excludes.

    Raises InputError if it is not a folder or contains a name that is not Unicode.
    """
    if not root.is_dir():
        raise InputError(root, "no such folder", "name a folder of labelme files and their images")
    files: list[str] = []
    images: list[str] = []
    links: list[str] = []
    folders = [""]
    while folders:
        prefix = folders.pop()
        with os.scandir(root / prefix) as entries:
            for entry in entries:
                name = entry.name
                if entry.is_dir():
                    if not name.startswith(".") and not entry.is_symlink():
                        folders.append(f"{prefix}{name}/")
                elif (is_labelme(name) or is_image(name)) and exclude.excludes(root, prefix + name):
                    continue
                elif is_labelme(name):
                    files.append(prefix + name)
                elif is_image(name):
                    images.append(prefix + name)
                    if entry.is_symlink():
                        links.append(prefix + name)
    check_unicode(root, (*files, *images))
    return Tree(root, sorted(files), frozenset(images), frozenset(links))


def is_excluded(tree: Tree, file: str, image_path: str | None, exclude: Excluder) -> bool:
    """Whether the image `image_path` that the labelme file `file` names is excluded; the file is then, too."""
    named = posixpath.join(posixpath.dirname(file), (image_path or "").replace("\\", "/"))
    return bool(image_path) and exclude.excludes(tree.root, posixpath.normpath(named))


class ImageFinder:
    """Finds images in the folder of the labelme files and in the folder given with `--images` only."""

    def __init__(self, source: Tree, images: Tree | None) -> None:
        self._source = source
        self._trees = [tree for tree in (source, images) if tree is not None]

    # Built on first use: most images are at the path in the JSON file, which needs no index.
    @cached_property
    def _by_path(self) -> list[dict[str, list[str]]]:
        return [_index(tree.images, fold_path) for tree in self._trees]

    @cached_property
    def _by_name(self) -> list[dict[str, list[str]]]:
        return [_index(tree.images, lambda p: fold_path(posixpath.basename(p))) for tree in self._trees]

    @cached_property
    def _by_stem(self) -> list[dict[str, list[str]]]:
        return [_index(tree.images, lambda p: posixpath.splitext(p)[0]) for tree in self._trees]

    def find(self, file: str, image_path: str | None, data_suffix: str | None) -> Found:
        """Find the image of the labelme file `file`, a path relative to the source folder.

        `image_path` is the file's `$.imagePath`. `data_suffix` is the suffix that fits the embedded image, None if
        there is none. Raises InputError if no image or more than one is found, or if `image_path` points outside.
        """
        named = _posix(image_path or "")
        inside = [_inside(tree.root, self._source.root, posixpath.dirname(file), named) for tree in self._trees]
        if image_path:
            found = self._at(inside) or self._moved(file, named)
            if found:
                return found
        stem = posixpath.splitext(file)[0]
        # an image named like the JSON file is only a guess if the JSON file names another one
        if data_suffix is not None and (image_path or not self._namesake(stem)):
            return Found(stem + data_suffix, None, "image-embedded")
        if found := self._namesake(stem):
            return found
        json_path = self._source.root / file
        if image_path and not any(inside):
            problem = (
                f"$.imagePath {image_path!r} points outside the folder, and no image next to the file has its name"
            )
            remedy = "put the image next to the JSON file or name its folder with --images"
            raise InputError(json_path, problem, remedy)
        suffix = posixpath.splitext(named)[1].lower()
        remedy = "put it next to the JSON file or name its folder with --images"
        raise InputError(
            json_path,
            f"its image is missing ($.imagePath {image_path!r}, no image in $.imageData)",
            remedy if not suffix or suffix in SUFFIXES else f"{suffix} is not read: save it as .png, or {remedy}",
        )

    def _namesake(self, stem: str) -> Found | None:
        for i, by_stem in enumerate(self._by_stem):
            if len(found := by_stem.get(stem, [])) == 1:
                return self._found(i, found[0], "image-moved")
        return None

    def _at(self, inside: Sequence[str | None]) -> Found | None:
        for i, path in enumerate(inside):
            if path is None:
                continue
            if path in self._trees[i].images:
                return self._found(i, path)
            if len(folded := self._by_path[i].get(fold_path(path), [])) == 1:
                return self._found(i, folded[0])
        return None

    def _moved(self, file: str, named: str) -> Found | None:
        name = posixpath.basename(named)
        beside = posixpath.join(posixpath.dirname(file), name)
        if len(found := self._by_path[0].get(fold_path(beside), [])) == 1:
            return self._found(0, found[0], "image-moved")
        if len(self._trees) == 1:
            return None
        if len(found := self._by_path[1].get(fold_path(beside), [])) == 1:
            return self._found(1, found[0], "image-moved")
        found = self._by_name[1].get(fold_path(name), [])
        if len(found) > 1:
            raise InputError(
                self._source.root / file,
                f"$.imagePath matches {len(found)} images: {found[0]}, {found[1]}",
                "correct $.imagePath",
            )
        if found:
            self._check_folder(file, named, found[0])
        return self._found(1, found[0], "image-moved") if found else None

    def _check_folder(self, file: str, named: str, found: str) -> None:
        """Raise InputError if an image that was found by its name is in another folder than stated."""
        folders = fold_path(found).split("/")[:-1]
        for stated, known in ((named, self._folders), (file, set())):  # people sort JSON files in their own way
            parts = [part for part in fold_path(stated).split("/")[:-1] if part not in {"", ".", ".."}]
            if folder := contradicting_folder(parts, folders, known):
                remedy = "put the image there, or correct $.imagePath"
                raise InputError(self._source.root / file, folder_problem(named, found, folder), remedy)

    @cached_property
    def _folders(self) -> set[str]:
        return {part for tree in self._trees for path in tree.images for part in fold_path(path).split("/")[:-1]}

    def _found(self, tree: int, path: str, event_code: str = "") -> Found:
        return Found(path, f"{self._trees[tree].root}/{path}", event_code)


def _inside(root: Path, source: Path, folder: str, named: str) -> str | None:
    """The path below `root` of `named`, given relative to `source`/`folder`; None if outside.

    Links are not resolved.
    """
    target = posixpath.normpath(posixpath.join(_absolute(source), folder, named))
    prefix = _absolute(root).rstrip("/") + "/"
    return target.removeprefix(prefix) if target.startswith(prefix) else None


def _posix(path: str) -> str:
    plain = path.isascii() and not any(c in path for c in "\\:/")
    return path if plain else PureWindowsPath(path).as_posix()


def _absolute(path: Path) -> str:
    return _absolute_from(path, os.getcwd())  # noqa: PTH109  many files


@lru_cache(4096)
def _absolute_from(path: Path, current: str) -> str:
    return posixpath.normpath(posixpath.join(current, path.as_posix()))


def bare_name(path: str) -> str:
    """The name of a file without folders and extension, normalised for comparison."""
    return fold_path(posixpath.splitext(posixpath.basename(_posix(path)))[0])


def _index(paths: Iterable[str], key: Callable[[str], str]) -> dict[str, list[str]]:
    index: dict[str, list[str]] = {}
    for path in sorted(paths):
        index.setdefault(key(path), []).append(path)
    return index
