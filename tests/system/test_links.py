"""Relative paths and links that change, in a process that works in several folders, like a worker of a cluster."""

from pathlib import Path

import pytest

from system.errors import InputError
from system.links import check_inside, forget_folders


def linked_tree(folder: Path) -> Path:
    """`folder` with a link `tree` to a folder that has an image."""
    real = folder / "real"
    real.mkdir(parents=True)
    (real / "a.png").touch()
    (folder / "tree").symlink_to(real)
    return folder


def test_a_relative_folder_is_that_of_the_current_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("first", "second"):
        monkeypatch.chdir(linked_tree(tmp_path / name))
        check_inside(Path("tree/a.png"), [Path("tree")])
    (tmp_path / "second/tree/b.png").symlink_to(tmp_path / "first/real/a.png")
    with pytest.raises(InputError, match="points outside"):
        check_inside(Path("tree/b.png"), [Path("tree")])


def test_a_link_that_changed_is_followed_again(tmp_path: Path) -> None:
    tree = linked_tree(tmp_path) / "tree"
    check_inside(tree / "a.png", [tree])
    (tmp_path / "real").rename(tmp_path / "moved")
    tree.unlink()
    tree.symlink_to(tmp_path / "moved")
    (tree / "b.png").symlink_to(tmp_path / "moved/a.png")
    forget_folders()
    check_inside(tree / "b.png", [tree])
