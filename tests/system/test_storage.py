"""Commands with URLs, on fsspec's file system in memory: what is copied, kept, refused and uploaded."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import fsspec
import pytest

from benchmarks.small_images import write_small_images
from system.stored_place import cache_folder
from tests.cluster_processes import tree_bytes
from tests.command import json_document, only_line, run_command
from tests.import_graph import ROOT

MARKER = ".defectline-upload"


@pytest.fixture(scope="module")
def small_tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Ten small images as a category folder; read only."""
    root = tmp_path_factory.mktemp("small") / "parts"
    write_small_images(root, 10)
    return root


@pytest.fixture
def memory(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[fsspec.AbstractFileSystem]:
    """An empty file system in memory, and an empty cache in `tmp_path/cache`."""
    monkeypatch.setenv("DEFECTLINE_CACHE", str(tmp_path / "cache"))
    system = fsspec.filesystem("memory")
    system.store.clear()
    system.pseudo_dirs[:] = [""]
    yield system
    system.store.clear()


def put(memory: fsspec.AbstractFileSystem, folder: Path, prefix: str) -> None:
    for name, data in tree_bytes(folder).items():
        memory.pipe_file(f"/{prefix}/{name}", data)


def stored(memory: fsspec.AbstractFileSystem, prefix: str) -> dict[str, bytes]:
    return {path.removeprefix(f"/{prefix}/"): memory.cat_file(path) for path in memory.find(f"/{prefix}")}


def work_folders(tmp_path: Path) -> list[Path]:
    return list((tmp_path / "cache" / "work").iterdir())


def blobs(tmp_path: Path) -> list[Path]:
    return [path for path in (tmp_path / "cache" / "blobs").rglob("*") if path.is_file()]


def convert(*words: object) -> int:
    return run_command("convert", "mvtec2coco", *words, "--jobs", 1)


def test_conversion_of_urls_gives_the_bytes_of_one_of_folders(
    memory: fsspec.AbstractFileSystem, small_tree: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    put(memory, small_tree, "in/parts")
    assert convert(small_tree, tmp_path / "coco") == 0
    assert convert("memory://in/parts", "memory://out/coco") == 0
    assert stored(memory, "out/coco") == tree_bytes(tmp_path / "coco")
    printed = capsys.readouterr()
    assert "memory://out/coco" in printed.out
    assert str(tmp_path / "cache") not in printed.out + printed.err
    assert work_folders(tmp_path) == []


def test_only_what_changed_is_downloaded(
    memory: fsspec.AbstractFileSystem, small_tree: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(memory, small_tree, "in/parts")
    read: list[str] = []
    get_file = type(memory).get_file

    def counted(self: fsspec.AbstractFileSystem, rpath: str, lpath: str, **options: object) -> None:
        read.append(rpath)
        get_file(self, rpath, lpath, **options)

    monkeypatch.setattr(type(memory), "get_file", counted)
    assert convert("memory://in/parts", tmp_path / "one") == 0
    assert len(read) == 12  # ten images, two masks
    assert convert("memory://in/parts/", tmp_path / "two") == 0
    assert len(read) == 12
    changed = min(path for path in memory.find("/in/parts") if "/good/" in path)
    memory.pipe_file(changed, memory.cat_file(max(memory.find("/in/parts/train"))))
    assert convert("memory://in/parts", tmp_path / "three") == 0
    assert read[12:] == [changed]
    assert len(blobs(tmp_path)) == 12  # the new content is that of another image


def test_a_copy_changed_through_a_link_is_read_again(
    memory: fsspec.AbstractFileSystem, small_tree: Path, tmp_path: Path
) -> None:
    put(memory, small_tree, "in/parts")
    assert convert("memory://in/parts", tmp_path / "one") == 0
    expected = tree_bytes(tmp_path / "one")
    for blob in blobs(tmp_path):
        with blob.open("r+b") as file:
            file.write(b"broken")
    assert convert("memory://in/parts", tmp_path / "two") == 0
    assert tree_bytes(tmp_path / "two") == expected


def test_equal_files_are_kept_once(memory: fsspec.AbstractFileSystem, small_tree: Path, tmp_path: Path) -> None:
    put(memory, small_tree, "in/a")
    put(memory, small_tree, "in/b")
    assert convert("memory://in/a", "memory://in/b", tmp_path / "coco", "--dry-run") == 0
    assert len(blobs(tmp_path)) == 12


@pytest.mark.parametrize("name", ["a b", "50%", "50%25", "x#1", "x?y=1", "Prüfling-部品", "[a]*"])
def test_odd_names(memory: fsspec.AbstractFileSystem, small_tree: Path, tmp_path: Path, name: str) -> None:
    put(memory, small_tree, f"{name}/{name}")
    assert convert(f"memory://{name}/{name}", f"memory://new/{name}") == 0
    assert "dataset.json" in stored(memory, f"new/{name}")


def test_overwriting_removes_no_name_that_looks_like_a_pattern(
    memory: fsspec.AbstractFileSystem, small_tree: Path
) -> None:
    assert convert(small_tree, "memory://out/coco") == 0
    memory.pipe_file("/out/coco/*", b"old")
    assert convert(small_tree, "memory://out/coco", "--overwrite") == 0
    assert "dataset.json" in stored(memory, "out/coco")
    assert "*" not in stored(memory, "out/coco")


def test_destination_that_exists(
    memory: fsspec.AbstractFileSystem, small_tree: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert convert(small_tree, "memory://out/coco") == 0
    memory.pipe_file("/out/coco/old.txt", b"")
    memory.pipe_file("/mine/notes.txt", b"")
    before = stored(memory, "out/coco")
    capsys.readouterr()
    assert convert(small_tree, "memory://out/coco", "--seed", 1) == 2
    assert "something is stored there" in only_line(capsys)
    assert stored(memory, "out/coco") == before
    assert convert(small_tree, "memory://out/coco", "--seed", 1, "--overwrite") == 0
    after = stored(memory, "out/coco")
    assert after.keys() == before.keys() - {"old.txt"}
    assert json.loads(after["dataset.json"])["options"]["seed"] == 1
    capsys.readouterr()
    assert convert(small_tree, "memory://mine", "--overwrite") == 2
    assert "defectline did not write" in only_line(capsys)
    assert stored(memory, "mine") == {"notes.txt": b""}


def test_nothing_is_uploaded_by_a_dry_run_or_a_failure(
    memory: fsspec.AbstractFileSystem, small_tree: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert convert(small_tree, "memory://out/coco", "--dry-run") == 0
    put(memory, small_tree, "in/parts")
    memory.pipe_file("/in/parts/train/good/broken.png", b"no image")
    capsys.readouterr()
    assert convert("memory://in/parts", "memory://out/coco") == 2
    assert only_line(capsys).startswith("convert: memory://in/parts/train/good/broken.png: ")
    assert memory.find("/out") == []
    assert convert("memory://in/parts", "memory://out/coco", "--skip-bad") == 1
    assert "dataset.json" in stored(memory, "out/coco")
    assert work_folders(tmp_path) == []


def test_interrupted_upload_is_not_read(
    memory: fsspec.AbstractFileSystem,
    small_tree: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def fails(self: fsspec.AbstractFileSystem, lpath: str, rpath: str, **options: object) -> None:
        if rpath.endswith("dataset.json"):
            raise ConnectionError("reset")
        put_file(self, lpath, rpath, **options)

    put_file = type(memory).put_file
    with monkeypatch.context() as patched:
        patched.setattr(type(memory), "put_file", fails)
        assert convert(small_tree, "memory://out/coco") == 2
    error, kept = capsys.readouterr().err.splitlines()[::-1]
    assert "the server cannot be reached (reset)" in error
    local = Path(kept.rpartition("the result is in ")[2])
    assert (local / "dataset.json").is_file()
    assert "dataset.json" not in stored(memory, "out/coco")
    assert convert("memory://out/coco", tmp_path / "again") == 2
    assert "interrupted" in only_line(capsys)
    assert convert(small_tree, "memory://out/coco", "--overwrite") == 0
    assert stored(memory, "out/coco") == tree_bytes(local)


def test_what_appears_during_the_command_is_not_replaced(
    memory: fsspec.AbstractFileSystem,
    small_tree: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    from convert import mvtec2coco  # noqa: PLC0415

    def slow(*words: object) -> object:
        memory.pipe_file("/out/coco/dataset.json", b"of another")
        return original(*words)  # type: ignore[arg-type]

    original = mvtec2coco.mvtec2coco
    monkeypatch.setattr(mvtec2coco, "mvtec2coco", slow)
    assert convert(small_tree, "memory://out/coco") == 2
    assert "something else was stored there" in capsys.readouterr().err
    assert stored(memory, "out/coco") == {"dataset.json": b"of another"}


def test_object_that_changes_while_it_is_read(
    memory: fsspec.AbstractFileSystem,
    small_tree: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def changes(self: fsspec.AbstractFileSystem, rpath: str, lpath: str, **options: object) -> None:
        get_file(self, rpath, lpath, **options)
        memory.pipe_file(rpath, memory.cat_file(rpath))

    get_file = type(memory).get_file
    put(memory, small_tree, "in/parts")
    with monkeypatch.context() as patched:
        patched.setattr(type(memory), "get_file", changes)
        assert convert("memory://in/parts", tmp_path / "coco") == 2
    assert "changed while it was read" in only_line(capsys)
    assert not (tmp_path / "coco").exists()
    assert convert("memory://in/parts", tmp_path / "coco") == 0


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("memory://in/none", "x"), "memory://in/none: nothing is stored there"),
        (("memory://in/parts", "memory://in/parts/coco"), "inside each other"),
        (("unknown://in", "x"), "Protocol not known: unknown"),
        (("s3://", "x"), "names no bucket"),
        (("s3://key:secret@bucket/x", "x"), "contains a password"),
        (("zip://a::memory://in", "x"), "a chain of file systems"),
        (("memory://in/parts?versionId=1", "x"), "would mean a version of another object"),
        (("memory://in/parts", "memory://out/coco?versionId=1"), "would mean a version of another object"),
        (("memory://in/parts/.", "x"), "contains . or .. as a folder"),
        (("memory://in/../in/parts", "x"), "contains . or .. as a folder"),
        (("memory://in/parts", "memory://out/coco/.."), "contains . or .. as a folder"),
    ],
)
def test_refused(
    memory: fsspec.AbstractFileSystem,
    small_tree: Path,
    words: tuple[str, str],
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    put(memory, small_tree, "in/parts")
    assert convert(*words) == 2
    line = only_line(capsys)
    assert message in line
    assert "secret" not in line
    assert not (tmp_path / "x").exists()


@pytest.mark.parametrize("name", ["a/../../b.png", "a//b.png", "./a.png", "a\\b.png"])
def test_object_outside_the_folder(
    memory: fsspec.AbstractFileSystem, tmp_path: Path, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    memory.store[f"/in/{name}"] = fsspec.implementations.memory.MemoryFile(memory, f"/in/{name}", b"x")
    assert convert("memory://in", tmp_path / "coco") == 2
    assert "has a name that no file can have" in only_line(capsys)
    assert not (tmp_path / "cache" / "blobs").exists()


def test_argument_without_urls(
    memory: fsspec.AbstractFileSystem,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run_command("view", "memory://in/coco", "--png", "memory://out/png", "--json") == 2
    document = json_document(capsys)
    assert document["errors"][0]["option"] == "--png"
    assert document["errors"][0]["value"] == "memory://out/png"
    assert list(tmp_path.iterdir()) == []


def test_processes_of_torchrun_take_no_urls(
    memory: fsspec.AbstractFileSystem,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("WORLD_SIZE", "2")
    assert run_command("convert", "mvtec2coco", tmp_path, "memory://out/coco") == 2
    assert "takes no URL in a process of torchrun" in only_line(capsys)


def test_cache_that_cannot_be_written(
    memory: fsspec.AbstractFileSystem,
    small_tree: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    put(memory, small_tree, "in/parts")
    (tmp_path / "file").touch()
    monkeypatch.setenv("DEFECTLINE_CACHE", str(tmp_path / "file"))
    assert convert("memory://in/parts", tmp_path / "coco") == 2
    assert "the cache cannot be written" in only_line(capsys)


def test_full_disk_of_the_cache(
    memory: fsspec.AbstractFileSystem, small_tree: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    put(memory, small_tree, "in/parts")
    with pytest.MonkeyPatch.context() as patched:

        def full(*_arguments: object, **_options: object) -> None:
            raise OSError(28, "No space left on device")

        patched.setattr(type(memory), "get_file", full)
        assert convert("memory://in/parts", "memory://out/coco") == 2
    line = only_line(capsys)
    assert line.startswith(f"convert: {cache_folder()}: no space left on the device")
    assert memory.find("/out") == []


def test_page_of_a_dataset(memory: fsspec.AbstractFileSystem, small_tree: Path, tmp_path: Path) -> None:
    assert convert(small_tree, "memory://out/coco") == 0
    before = stored(memory, "out/coco")
    assert run_command("view", "memory://out/coco", "--split", "all", "--out", "memory://pages/a.html") == 0
    assert stored(memory, "out/coco") == before
    page = stored(memory, "pages")["a.html"].decode()
    assert "memory://out/coco/images" in page
    assert str(tmp_path / "cache") not in page
    assert run_command("view", "memory://out/coco", "--split", "all") == 0
    assert stored(memory, "out/coco").keys() - before.keys() == {"view.html"}
    assert memory.find("/out/coco", detail=False) == sorted(f"/out/coco/{name}" for name in {*before, "view.html"})


def test_check_and_summary_of_a_stored_dataset(
    memory: fsspec.AbstractFileSystem, small_tree: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The findings are those of the local dataset; nothing is uploaded or left behind, with status 1 too."""
    assert convert(small_tree, tmp_path / "coco") == 0
    damaged = min((tmp_path / "coco/images").rglob("*.png"))
    damaged.unlink()  # a hard link to the image of the tree
    damaged.write_bytes(b"no image")
    put(memory, tmp_path / "coco", "in/coco")
    before = stored(memory, "in/coco")
    capsys.readouterr()
    for command in ("check", "summary"):
        printed = []
        for place in (tmp_path / "coco", "memory://in/coco"):
            status = run_command("datasets", command, place, "--json")
            document = json_document(capsys)
            printed.append((status, json.dumps(document).replace(str(tmp_path / "coco"), "memory://in/coco")))
        assert printed[0] == printed[1]
        assert command == "summary" or (printed[0][0] == 1 and damaged.name in printed[0][1])
        assert stored(memory, "in/coco") == before
        assert work_folders(tmp_path) == []


def test_paths_do_not_import_fsspec(small_tree: Path, tmp_path: Path) -> None:
    code = (
        "import sys, atexit; atexit.register(lambda: print([m for m in sys.modules if 'fsspec' in m or"
        " m.startswith('system.storage')])); from convert.cli import main; main()"
    )
    words = ["mvtec2coco", str(small_tree), str(tmp_path / "coco"), "--jobs", "1"]
    done = subprocess.run(
        [sys.executable, "-c", code, *words], capture_output=True, text=True, check=True, cwd=ROOT
    )
    assert done.stdout.splitlines()[-1] == "[]"
