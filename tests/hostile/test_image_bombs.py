"""Images of a few kilobytes that state 900 million pixels: one line under a memory limit of 1 GB."""

import json
import resource
import shutil
import struct
import subprocess
import sys
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from datasets.images.decode_limit import MEGAPIXEL, VARIABLE, check_decodable
from datasets.images.image_file import read_info
from datasets.images.mask_file import read_mask
from datasets.images.pixels import read_rgb
from system.errors import InputError, OptionError
from tests.preloaded import PreloadedCommands
from tests.tiny_runs import TinyRuns

SIDE = 30_000
GIGABYTE = 2**30
ROWS = 100  # packed together; divides every side


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def bomb(path: Path, side: int = SIDE, *, colour_type: int = 0, depth: int = 8, exif: bool = False) -> Path:
    """A whole PNG of side x side black pixels."""
    channels = {0: 1, 2: 3}[colour_type]
    row = 1 + side * channels * depth // 8
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    # After a full flush the same rows are packed to the same bytes, so they are packed once.
    rows = packer.compress(bytes(row * ROWS)) + packer.flush(zlib.Z_FULL_FLUSH)
    adler = struct.pack(">HH", row * side % 65521, 1)  # the checksum of zeros
    body = b"\x78\xda" + rows * (side // ROWS) + packer.flush() + adler
    header = struct.pack(">IIBBBBB", side, side, depth, colour_type, 0, 0, 0)
    late = chunk(b"eXIf", b"MM\0*\0\0\0\x08\0\0") if exif else b""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", body) + late + chunk(b"IEND", b"")
    )
    return path


@pytest.fixture(scope="module")
def grey_bomb(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = bomb(tmp_path_factory.mktemp("bomb") / "bomb.png")
    assert path.stat().st_size < 1_000_000
    return path


def limited(*words: object) -> subprocess.CompletedProcess[str]:
    """A command that may use 1 GB of addresses."""

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_AS, (GIGABYTE, GIGABYTE))

    command = [sys.executable, "-m", *map(str, words)]
    return subprocess.run(command, preexec_fn=limit, capture_output=True, text=True, check=False)


def refusal(done: subprocess.CompletedProcess[str], name: str) -> None:
    lines = done.stderr.splitlines()
    assert done.returncode == 2, done.stderr[-2000:]
    assert len(lines) == 1
    assert name in lines[0]
    assert f"{SIDE} x {SIDE} pixels" in lines[0]


@pytest.mark.parametrize("task", ["det", "seg", "cls"])
def test_predict_refuses_it(
    task: str, grey_bomb: Path, tiny_runs: TinyRuns, small_image: Path, preloaded: PreloadedCommands
) -> None:
    """The libraries alone need more than 1 GB, so the peak after the bomb is compared with that before it."""
    command = preloaded.command("tests.hostile.predict_twice", task, tiny_runs(task), small_image, grey_bomb)
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    refusal(done, "bomb.png")
    usual, with_bomb = map(int, done.stdout.splitlines()[-1].split())
    assert usual > GIGABYTE // 10
    assert with_bomb < usual + GIGABYTE // 10


def test_check_reports_it_as_a_finding(grey_bomb: Path, tmp_path: Path) -> None:
    root = tmp_path / "coco"
    (root / "annotations").mkdir(parents=True)
    (root / "images").mkdir()
    shutil.copyfile(grey_bomb, root / "images" / "bomb.png")
    listed = {"id": 1, "file_name": "bomb.png", "width": SIDE, "height": SIDE}
    coco = {"images": [listed], "annotations": [], "categories": [{"id": 1, "name": "a"}]}
    (root / "annotations" / "instances_train.json").write_text(json.dumps(coco))
    done = limited("datasets", "check", root)
    assert done.returncode == 1, done.stderr
    assert "broken-picture" in done.stdout
    assert any("bomb.png" in line and "megapixels" in line for line in done.stdout.splitlines())


def test_a_conversion_refuses_it_as_a_mask_and_as_an_image_that_is_decoded(
    grey_bomb: Path, tmp_path: Path
) -> None:
    (tmp_path / "images").mkdir()
    Image.fromarray(np.zeros((40, 40), np.uint8)).save(tmp_path / "images" / "bomb.png")
    done = limited(
        "convert", "masks2coco", tmp_path / "images", grey_bomb.parent, tmp_path / "out", "--category", "a"
    )
    refusal(done, "its image has 40 x 40")  # the sizes are compared, so nothing is decoded
    deep = bomb(tmp_path / "deep" / "a.png", depth=16)
    (tmp_path / "deep" / "a.json").write_text(
        json.dumps(
            {"imagePath": "a.png", "imageWidth": SIDE, "imageHeight": SIDE, "shapes": [], "imageData": None}
        )
    )
    refusal(limited("convert", "labelme2coco", deep.parent, tmp_path / "out", "--unlabelled", "negative"), "a.png")
    assert not (tmp_path / "out").exists()


def test_a_header_is_read_without_decoding(grey_bomb: Path, tmp_path: Path) -> None:
    info = read_info(grey_bomb)
    assert (info.width, info.height) == (SIDE, SIDE)
    with pytest.raises(InputError, match="megapixels"):  # Pillow decodes the pixels to find a late EXIF chunk
        read_info(bomb(tmp_path / "late.png", exif=True))


def test_the_limit_can_be_raised_and_lowered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.png"
    Image.fromarray(np.full((2000, 1100), 7, np.uint8)).save(path)
    monkeypatch.setenv(VARIABLE, "3")
    assert (read_rgb(path) == 7).all()
    monkeypatch.setenv(VARIABLE, "2")
    for read in (read_rgb, lambda one: read_mask(one, 1)):
        with pytest.raises(InputError, match=f"1100 x 2000 pixels, more than the 2 megapixels.*{VARIABLE}=3"):
            read(path)
    for wrong in ("", "0", "many", "-1", "1e9"):
        monkeypatch.setenv(VARIABLE, wrong)
        with pytest.raises(OptionError, match=VARIABLE):
            read_rgb(path)


def test_all_pages_of_a_mask_count_together() -> None:
    check_decodable("a.tif", 1024, 1024, 256)
    with pytest.raises(InputError, match="1024 x 1024 pixels on 257 pages"):
        check_decodable("a.tif", 1024, 1024, 257)
    assert MEGAPIXEL == 1024 * 1024


def test_a_format_that_starts_another_program_is_not_an_image(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n%%EndComments\nshowpage\n%%EOF\n")
    for read in (read_rgb, read_info, lambda one: read_mask(one, 1)):
        with pytest.raises(InputError, match="not an image"):
            read(path)


MEMORY = """
import sys
from pathlib import Path
import cv2, numpy
from datasets.check.image_facts import read_image_facts
from datasets.images.mask_file import read_mask
from datasets.images.pixels import read_rgb

def peak():
    return 1024 * int(next(l for l in open("/proc/self/status") if l.startswith("VmHWM")).split()[1])

small, large = map(Path, sys.argv[1:])
for path in (small, large):
    before = peak()
    pixels = read_rgb(path)
    read = peak() - before
    del pixels
    read_image_facts(path)
    read_mask(path, 1)
print(read, peak() - before)
"""


def test_memory_is_a_small_multiple_of_the_images_own(tmp_path: Path) -> None:
    side = 6000
    random = np.random.default_rng(0)
    for name, size in (("small.png", 30), ("large.png", side)):
        tile = random.integers(0, 256, (30, 30), dtype=np.uint8)
        Image.fromarray(np.tile(tile, (size // 30, size // 30))).convert("RGB").save(tmp_path / name)
    words = [sys.executable, "-c", MEMORY, str(tmp_path / "small.png"), str(tmp_path / "large.png")]
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    own = 3 * side * side
    read, everything = map(int, done.stdout.split())
    assert own <= read < 5 * own  # the array itself is one of them
    assert everything < 5 * own
