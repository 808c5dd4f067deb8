"""Commands with s3:// URLs against a real S3 server on loopback."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from benchmarks.small_images import write_small_images
from tests.cluster_processes import tree_bytes
from tests.command import only_line, run_command
from tests.s3_server import SECRET, S3Server, client_of, put, running_s3, stored

if TYPE_CHECKING:
    import fsspec

MARKER = "bucket/out/coco/.defectline-upload"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    with running_s3(tmp_path_factory.mktemp("s3") / "log.txt") as running:
        yield running


@pytest.fixture
def s3(server: S3Server, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> "fsspec.AbstractFileSystem":
    """The server with one empty bucket, and an empty cache."""
    return client_of(server, tmp_path / "cache", monkeypatch)


@pytest.fixture
def small_tree(tmp_path: Path) -> Path:
    """Twelve small images as a category folder."""
    write_small_images(tmp_path / "parts", 12)
    return tmp_path / "parts"


def convert(*words: object) -> int:
    return run_command("convert", "mvtec2coco", *words, "--jobs", 1)


def test_conversion_from_and_to_odd_names(
    s3: "fsspec.AbstractFileSystem", small_tree: Path, tmp_path: Path
) -> None:
    odd = "a b/50%25 #1+é部?[x]*"
    put(s3, small_tree, f"bucket/{odd}/parts")
    s3.pipe_file(f"bucket/{odd}/parts/", b"")  # as the consoles of some servers mark a folder
    assert convert(f"s3://bucket/{odd}/parts", f"s3://bucket/new/{odd}") == 0
    assert convert(small_tree, tmp_path / "coco") == 0
    assert stored(s3, f"bucket/new/{odd}") == tree_bytes(tmp_path / "coco")
    assert convert(small_tree, f"s3://bucket/new/{odd}", "--seed", 3, "--overwrite") == 0
    assert MARKER not in s3.find("bucket")


def test_prefix_that_is_also_the_start_of_another(
    s3: "fsspec.AbstractFileSystem", small_tree: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    put(s3, small_tree, "bucket/parts")
    s3.pipe_file("bucket/parts-2/notes.txt", b"x")
    s3.pipe_file("bucket/file", b"x")
    assert convert("s3://bucket/parts", tmp_path / "coco") == 0
    assert convert("s3://bucket/file", tmp_path / "other") == 2
    assert "s3://bucket/file" in only_line(capsys)
    assert convert(small_tree, "s3://bucket/file") == 2
    assert "something is stored there" in only_line_of(capsys)


def test_name_of_a_version_neither_reads_nor_replaces_another_object(
    s3: "fsspec.AbstractFileSystem", small_tree: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """S3 allows such names, but s3fs then takes the object whose name is what precedes the question mark."""
    (image,) = sorted(small_tree.rglob("good/*.png"))[:1]
    odd = image.with_name(f"{image.name}?versionId=1.png")
    odd.write_bytes(image.read_bytes())
    assert convert(small_tree, "s3://bucket/out/coco") == 2
    assert "would mean a version of another object" in capsys.readouterr().err
    assert s3.find("bucket") == []
    name = f"bucket/parts/{odd.relative_to(small_tree).as_posix()}"
    s3.call_s3("put_object", Bucket="bucket", Key=name.removeprefix("bucket/"), Body=b"other")
    assert convert("s3://bucket/parts", tmp_path / "coco") == 2
    assert "would mean a version of another object" in only_line(capsys)
    assert not (tmp_path / "coco").exists()


def only_line_of(capsys: pytest.CaptureFixture[str]) -> str:
    return capsys.readouterr().err.splitlines()[-1]


def test_second_upload_at_the_same_time_fails(
    s3: "fsspec.AbstractFileSystem",
    small_tree: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    from system import storage_upload  # noqa: PLC0415

    def both_saw_nothing(store: storage_upload.Store, name: str, data: bytes, *, new: bool) -> bool:
        s3.pipe_file(MARKER, b"of the other")
        return write(store, name, data, new=new)

    write = storage_upload.Store.write
    monkeypatch.setattr(storage_upload.Store, "write", both_saw_nothing)
    assert convert(small_tree, "s3://bucket/out/coco") == 2
    assert "another command uploads to it" in capsys.readouterr().err
    assert stored(s3, "bucket/out/coco") == {".defectline-upload": b"of the other"}


@pytest.mark.parametrize(
    ("source", "variables", "message"),
    [
        ("s3://absent/parts", {}, "no such bucket"),
        ("s3://bucket/parts", {"AWS_ENDPOINT_URL": "http://127.0.0.1:9"}, "the server cannot be reached"),
        ("s3://bucket/parts", {"AWS_PROFILE": "absent"}, "absent"),
    ],
)
def test_errors_of_the_storage(
    s3: "fsspec.AbstractFileSystem",
    source: str,
    variables: dict[str, str],
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    import fsspec  # noqa: PLC0415

    fsspec.filesystem("s3").clear_instance_cache()
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert convert(source, tmp_path / "coco") == 2
    line = only_line(capsys)
    assert line.startswith(f"convert: {source}: ")
    assert message in line
    assert not (tmp_path / "coco").exists()


def test_nothing_written_contains_the_credentials(
    s3: "fsspec.AbstractFileSystem", small_tree: Path, tmp_path: Path
) -> None:
    assert convert(small_tree, "s3://bucket/out/coco") == 0
    assert run_command("view", "s3://bucket/out/coco", "--split", "all") == 0
    files = [*stored(s3, "bucket/out/coco").values(), *tree_bytes(tmp_path / "cache").values()]
    assert not any(SECRET.encode() in data for data in files)
    assert "view.html" in stored(s3, "bucket/out/coco")
    assert MARKER not in s3.find("bucket")
