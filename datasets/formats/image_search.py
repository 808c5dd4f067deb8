"""Find the images that an export names: below one folder only, by the longest matching end of the path."""

import os
import posixpath
from collections.abc import Sequence
from pathlib import Path

import msgspec

from datasets.formats.file_names import fold_path
from datasets.formats.other_folder import contradicting_folder, folder_problem
from datasets.images.image_file import SUFFIXES, is_image
from system.errors import InputError
from system.exclude import NOTHING, Excluder
from system.files import check_unicode

OUR_MARKER = "dataset.json"


class MatchedImage(msgspec.Struct, frozen=True):
    """An image: `relative` to the searched folder; `whole` is whether the whole stated name matches."""

    relative: str
    whole: bool


class ImageSearch:
    """The images below `root`, without hidden folders, folders named `skip` and datasets that defectline wrote.

    `excluded` has the images that `exclude` excludes; they are not found.

    Raises InputError if `root` is not a folder.
    """

    def __init__(self, root: Path, skip: frozenset[str] = frozenset(), exclude: Excluder = NOTHING) -> None:
        if not root.is_dir():
            raise InputError(root, "no such folder", "name the folder of the images")
        self.root = root
        self.images: list[str] = []
        self.excluded: list[str] = []
        links: list[str] = []
        for folder, subfolders, names in os.walk(root):
            if OUR_MARKER in names and Path(folder) != root:  # a dataset inside the searched folder
                subfolders.clear()
                continue
            subfolders[:] = [name for name in subfolders if not name.startswith(".") and name not in skip]
            prefix = Path(folder).relative_to(root).as_posix()
            for name in names:
                if is_image(name):
                    relative = posixpath.normpath(f"{prefix}/{name}")
                    if exclude.excludes(root, relative):
                        self.excluded.append(relative)
                        continue
                    self.images.append(relative)
                    if (root / relative).is_symlink():
                        links.append(relative)
        check_unicode(root, self.images)
        self.images.sort()
        self._links = frozenset(links)
        self._folders = {part for path in self.images for part in fold_path(path).split("/")[:-1]}
        self._by_name: dict[str, list[str]] = {}
        self._by_stem: dict[str, list[str]] = {}
        for relative in self.images:
            name = fold_path(posixpath.basename(relative))
            self._by_name.setdefault(name, []).append(relative)
            self._by_stem.setdefault(posixpath.splitext(name)[0], []).append(relative)

    def find(self, where: Path | str, names: Sequence[str], remedy: str = "", beside: str = "") -> MatchedImage:
        """The image that matches the first of `names` that has a match.

        A name may include folders, and may lack its extension. Of several images with the same name, the one with
        the most matching folders is chosen; `beside` is the folder of the annotation file, which is put in front
        of the name. Raises InputError at `where` if no image matches, if several match equally well, or if the
        folder of the only one contradicts (see `contradicting_folder`).
        """
        for name in names:
            wanted = fold_path(name.replace("\\", "/")).strip("/").split("/")
            has_ending = posixpath.splitext(wanted[-1])[1] in SUFFIXES
            candidates = self._by_name.get(wanted[-1], []) if has_ending else self._by_stem.get(wanted[-1], [])
            if candidates:
                folders = [part for part in fold_path(beside).split("/") if part]
                return self._best(where, name, wanted, folders, candidates)
        shown = names[0] if names else "without a name"
        raise InputError(
            where,
            f"its image {shown} is missing (searched in {self.root} and its subfolders)",
            remedy or "name the folder of the images with --images",
        )

    def _best(
        self, where: Path | str, name: str, wanted: list[str], beside: list[str], candidates: list[str]
    ) -> MatchedImage:
        matches = {relative: _matching(beside + wanted, fold_path(relative).split("/")) for relative in candidates}
        longest = max(matches.values())
        best = [relative for relative, count in matches.items() if count == longest]
        if len(best) > 1:
            problem = f"{len(best)} images have the name of its image: {best[0]}, {best[1]}"
            raise InputError(
                where, problem, "rename one of them, or give a folder with only one of them with --images"
            )
        stated = (beside + wanted)[:-1] if len(wanted) == 1 else wanted[:-1]
        folders = fold_path(best[0]).split("/")[:-1]
        if longest <= len(stated) and (folder := contradicting_folder(stated, folders, self._folders)):
            remedy = "put the image there, or name the folder with the right images with --images"
            raise InputError(where, folder_problem(name, best[0], folder), remedy)
        self._check_link(best[0])
        return MatchedImage(best[0], longest >= len(wanted))

    def _check_link(self, relative: str) -> None:
        if relative in self._links:
            target = (self.root / relative).resolve()
            if not target.is_relative_to(self.root.resolve()):
                problem = f"a link that points outside the folder, to {target}"
                raise InputError(self.root / relative, problem, "copy the image, or name its folder with --images")


def _matching(wanted: list[str], path: list[str]) -> int:
    """The number of path parts that match from the end; the last one always does."""
    count = 1
    while count < min(len(wanted), len(path)) and wanted[-1 - count] == path[-1 - count]:
        count += 1
    return count
