import errno
import os
from pathlib import Path
from unittest import mock

import pytest

from system.errors import OutputError
from system.files import (
    check_apart,
    check_destination,
    check_file_destination,
    link_or_copy,
    new_folder,
    write_atomic,
)


def names(folder: Path) -> list[str]:
    return sorted(p.name for p in folder.iterdir())


def test_a_folder_appears_only_when_complete(tmp_path: Path) -> None:
    with new_folder(tmp_path / "deep" / "out") as partial:
        (partial / "file").write_text("x")
        assert not (tmp_path / "deep" / "out").exists()
    assert names(tmp_path / "deep") == ["out"]
    assert names(tmp_path / "deep" / "out") == ["file"]


@pytest.mark.parametrize("end", [ValueError, KeyboardInterrupt, SystemExit])
def test_an_interrupted_folder_leaves_nothing(tmp_path: Path, end: type[BaseException]) -> None:
    def interrupted() -> None:
        with new_folder(tmp_path / "out") as partial:
            (partial / "file").write_text("x")
            raise end

    with pytest.raises(end):
        interrupted()
    assert names(tmp_path) == []


def test_a_failed_folder_takes_the_folders_above_with_it_that_were_made_for_it(tmp_path: Path) -> None:
    def failing(beside: str = "") -> None:
        with new_folder(tmp_path / "deep" / "er" / "out"):
            if beside:
                (tmp_path / "deep" / beside).touch()
            raise ValueError("full")

    with pytest.raises(ValueError, match="full"):
        failing()
    assert names(tmp_path) == []
    with pytest.raises(ValueError, match="full"):
        failing(beside="mine")
    assert names(tmp_path / "deep") == ["mine"]


@pytest.mark.parametrize(("code", "named"), [(errno.ENOSPC, True), (errno.EIO, False)])
def test_a_full_disk_names_the_folder_and_a_fault_of_another_file_does_not(
    tmp_path: Path, code: int, named: bool
) -> None:
    def failing() -> None:
        with new_folder(tmp_path / "out"):
            raise OSError(code, "of a read or write, which name no file")

    with pytest.raises(OSError) as caught:  # noqa: PT011  its number is compared
        failing()
    assert caught.value.errno == code
    assert (caught.value.filename == str(tmp_path / "out")) == named


def test_overwrite_keeps_the_old_folder_until_the_new_one_is_whole(tmp_path: Path) -> None:
    dest = tmp_path / "out"
    dest.mkdir()
    (dest / "dataset.json").write_text("old")

    def interrupted() -> None:
        with new_folder(dest, overwrite=True):
            raise ValueError("full")

    with pytest.raises(ValueError, match="full"):
        interrupted()
    assert (dest / "dataset.json").read_text() == "old"
    with new_folder(dest, overwrite=True) as partial:
        (partial / "dataset.json").write_text("new")
    assert (dest / "dataset.json").read_text() == "new"
    assert names(tmp_path) == ["out"]


def test_an_empty_destination_is_taken_and_a_file_refused(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    with new_folder(tmp_path / "out") as partial:
        (partial / "a").touch()
    assert names(tmp_path / "out") == ["a"]
    with pytest.raises(OutputError), new_folder(tmp_path / "out" / "a"):
        pass


def test_a_destination_below_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "lost").symlink_to(tmp_path / "nowhere")
    for dest, above in (("file/out", "file"), ("file/deep/out", "file"), ("lost/out", "lost")):
        with pytest.raises(OutputError, match=f"would be inside {tmp_path / above}, which is not a folder"):
            check_destination(tmp_path / dest)


def test_a_destination_in_a_folder_without_files_is_refused_before_the_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Such as /proc, a read-only device or a full one: permissions alone do not show it."""

    def refuse(**_options: object) -> None:
        raise OSError(errno.EROFS, "Read-only file system")

    check_file_destination(tmp_path / "new" / "page.html")
    check_file_destination(tmp_path / "page.html")
    assert names(tmp_path) == []
    with pytest.raises(OutputError, match="a folder, not a file; name another file"):
        check_file_destination(tmp_path)
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match=f"would be inside {tmp_path / 'file'}, which is not a folder"):
        check_file_destination(tmp_path / "file" / "new" / "page.html")
    monkeypatch.setattr("tempfile.TemporaryFile", refuse)
    for check in (check_destination, check_file_destination):
        with pytest.raises(OutputError) as refused:
            check(tmp_path / "new" / "out")
        assert refused.value.problem == f"nothing can be written in {tmp_path} (read-only file system)"


def test_the_new_folder_has_ordinary_rights(tmp_path: Path) -> None:
    with new_folder(tmp_path / "out"):
        pass
    (tmp_path / "plain").mkdir()
    assert (tmp_path / "out").stat().st_mode == (tmp_path / "plain").stat().st_mode


@pytest.mark.parametrize("call", ["os.write", "os.fdopen"])
def test_write_atomic_leaves_the_old_file_when_it_fails(
    call: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if call == "os.fdopen":  # without unnamed files
        monkeypatch.delattr("os.O_TMPFILE", raising=False)
    elif not hasattr(os, "O_TMPFILE"):
        pytest.skip("only Linux has unnamed files")
    path = tmp_path / "f"
    write_atomic(path, b"old")
    with mock.patch(call, side_effect=OSError("full")), pytest.raises(OSError, match="full"):
        write_atomic(path, b"new")
    assert path.read_bytes() == b"old"
    assert names(tmp_path) == ["f"]


def test_link_or_copy_copies_where_links_are_impossible_and_follows_links(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"x")
    (tmp_path / "soft").symlink_to(tmp_path / "a")
    link_or_copy(tmp_path / "soft", tmp_path / "b")
    assert not (tmp_path / "b").is_symlink()
    assert (tmp_path / "b").samefile(tmp_path / "a")
    with mock.patch.object(os, "link", side_effect=OSError):
        link_or_copy(tmp_path / "a", tmp_path / "c")
    assert (tmp_path / "c").read_bytes() == b"x"
    assert not (tmp_path / "c").samefile(tmp_path / "a")


def test_source_and_destination_must_not_overlap(tmp_path: Path) -> None:
    check_apart(tmp_path / "out", [tmp_path / "in"])
    for dest, source in (("in/out", "in"), ("in", "in"), ("a", "a/in")):
        with pytest.raises(OutputError):
            check_apart(tmp_path / dest, [tmp_path / source])
