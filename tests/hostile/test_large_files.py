"""Files of gigabytes in the place of each kind of file that is read: refused before they are read into memory.

The files are sparse, so they take no space on the disk.
"""

import io
import os
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from datasets.check.image_facts import read_image_facts
from datasets.images.file_size import BYTES_PER_PIXEL, UNCHECKED_BYTES, check_image_file
from datasets.images.image_file import read_info
from datasets.images.mask_file import read_index_pages, read_mask_pages
from datasets.images.pixels import read_rgb
from system.errors import InputError
from system.files import MAX_BYTES, read_file
from system.yaml_file import MAX_YAML_BYTES
from tests.command import run_command
from tests.hostile.every_input import CASES, prepare

ALLOWED = 50 * 2**20  # bytes of memory
READERS: dict[str, Callable[[Path], object]] = {
    "info": read_info,
    "pixels": read_rgb,
    "facts": read_image_facts,
    "mask": lambda path: read_mask_pages(path, 1),
    "indices": lambda path: read_index_pages(path, 3),
}


@contextmanager
def little_memory() -> Iterator[None]:
    """Python and NumPy take little memory in this block; AssertionError otherwise."""
    tracemalloc.start()
    try:
        yield
        assert tracemalloc.get_traced_memory()[1] < ALLOWED
    finally:
        tracemalloc.stop()


def grow(path: Path, size: int, start: bytes = b"") -> Path:
    """Make `path` a sparse file of `size` bytes that begins with `start`."""
    path.write_bytes(start)
    os.truncate(path, size)
    return path


@pytest.mark.parametrize("case", CASES)
def test_a_command_refuses_a_file_of_4_gib(
    case: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    prepare(tmp_path)
    name, words = CASES[case]
    grow(tmp_path / name, 2**32)
    monkeypatch.chdir(tmp_path)
    with little_memory():
        assert run_command(*words) in {1, 2}
    printed = capsys.readouterr()
    problem = "not valid XML" if "xml" in case else "4294967296 bytes, more than the"  # XML is read in parts
    assert problem in printed.out + printed.err
    assert len(printed.err.splitlines()) <= 1
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("size", [UNCHECKED_BYTES * 2, MAX_BYTES, MAX_BYTES + 1])
@pytest.mark.parametrize("reader", READERS)
def test_a_large_file_without_an_image_is_not_read(reader: str, size: int, tmp_path: Path) -> None:
    path = grow(tmp_path / "a.png", size, b"a table of many lines\n")
    with little_memory(), pytest.raises(InputError, match=f"{size} bytes"):
        READERS[reader](path)


def start_of(kind: str) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (40, 30)).save(buffer, kind)
    return buffer.getvalue()


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "BMP", "TIFF"])
@pytest.mark.parametrize("reader", READERS)
def test_a_small_image_with_a_gigabyte_behind_it_is_not_read(reader: str, kind: str, tmp_path: Path) -> None:
    path = grow(tmp_path / "a.png", 2**30, start_of(kind))
    with (
        little_memory(),
        pytest.raises(InputError, match="1073741824 bytes, but the header of an image of only 1200"),
    ):
        READERS[reader](path)


def test_junk_before_the_size_of_a_jpeg_is_not_searched(tmp_path: Path) -> None:
    """Pillow skips it byte by byte, which takes minutes for a gigabyte."""
    path = grow(tmp_path / "a.jpg", 2**30, b"\xff\xd8\xff\xe0\0\x04ab")
    with little_memory(), pytest.raises(InputError, match="not an image, and 1073741824 bytes"):
        read_rgb(path)


def test_an_image_as_large_as_its_header_states_is_read(tmp_path: Path) -> None:
    """More than 64 MiB, in each channel the number of the row."""
    rows = np.arange(5000, dtype=np.uint8)
    Image.fromarray(np.broadcast_to(rows[:, None, None], (5000, 5000, 3)).copy()).save(tmp_path / "a.bmp")
    assert (tmp_path / "a.bmp").stat().st_size > UNCHECKED_BYTES
    assert (read_rgb(tmp_path / "a.bmp") == rows[:, None, None]).all()


def test_the_limit_is_exact(tmp_path: Path) -> None:
    limit = UNCHECKED_BYTES + BYTES_PER_PIXEL * 40 * 30
    check_image_file(grow(tmp_path / "a.png", limit, start_of("PNG")))
    with pytest.raises(InputError, match="only 1200 pixels"):
        check_image_file(grow(tmp_path / "a.png", limit + 1, start_of("PNG")))


def test_pages_of_a_tiff_count_together(tmp_path: Path) -> None:
    page = Image.new("L", (2000, 2000))
    page.save(tmp_path / "a.tif", save_all=True, append_images=[page] * 2)
    limit = UNCHECKED_BYTES + BYTES_PER_PIXEL * 3 * 2000 * 2000
    os.truncate(tmp_path / "a.tif", limit)
    check_image_file(tmp_path / "a.tif")
    os.truncate(tmp_path / "a.tif", limit + 1)
    with pytest.raises(InputError, match="only 12000000 pixels"):
        check_image_file(tmp_path / "a.tif")


def test_a_limit_is_named_by_its_unit(tmp_path: Path) -> None:
    path = grow(tmp_path / "a.yaml", MAX_YAML_BYTES + 1)
    with pytest.raises(InputError, match="4194305 bytes, more than the 4 MiB that are read; name another file"):
        read_file(path, MAX_YAML_BYTES)
    assert len(read_file(path)) == MAX_YAML_BYTES + 1
