import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as PillowImage

from datasets.images.image_file import ImageInfo, is_image, list_images, read_info
from datasets.images.pixels import read_rgb
from system.errors import InputError

RED_THEN_BLUE = np.array([[[204, 0, 0], [0, 0, 204]]], np.uint8)


def save(path, array=RED_THEN_BLUE, mode="RGB", **options):
    PillowImage.fromarray(array).convert(mode).save(path, **options)
    return path


@pytest.mark.parametrize("name", ["a.png", "b.jpg", "c.bmp", "d.tiff", "e.webp"])
def test_size_and_mode(tmp_path, name: str) -> None:
    save(tmp_path / name)
    assert read_info(tmp_path / name) == ImageInfo(2, 1, "RGB")


@pytest.mark.parametrize("name", ["a.png", "a.jpg"])
def test_orientation_is_read_and_applied(tmp_path, name: str) -> None:
    exif = PillowImage.Exif()
    exif[0x0112] = 6
    example_image = np.zeros((16, 32, 3), np.uint8)
    example_image[:, 16:] = 200
    save(tmp_path / name, example_image, exif=exif)
    assert read_info(tmp_path / name).orientation == 6
    upright = read_rgb(tmp_path / name)
    assert upright.shape == (32, 16, 3)
    assert upright[:12].max() < 20
    assert upright[20:].min() > 180


def test_every_mode_becomes_rgb(tmp_path) -> None:
    for mode in ("RGB", "RGBA", "P"):
        assert np.array_equal(read_rgb(save(tmp_path / f"{mode}.png", mode=mode)), RED_THEN_BLUE)
    grey = read_rgb(save(tmp_path / "L.png", np.array([[3, 250]], np.uint8), "L"))
    assert grey.tolist() == [[[3] * 3, [250] * 3]]
    deep = np.array([[0x0102, 0xFF00]], np.uint16)
    PillowImage.fromarray(deep).save(tmp_path / "deep.png")
    assert read_rgb(tmp_path / "deep.png").tolist() == [[[1] * 3, [255] * 3]]
    assert read_rgb(save(tmp_path / "bit.png", mode="1")).shape == (1, 2, 3)


@pytest.mark.parametrize("name", ["a.png", "a.jpg"])
@pytest.mark.parametrize("keep", [0.0, 0.3, 0.9])
def test_truncated_images_are_found_without_decoding(tmp_path, name: str, keep: float) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (64, 64, 3), np.uint8)
    data = save(tmp_path / name, noise).read_bytes()
    (tmp_path / name).write_bytes(data[: int(len(data) * keep)])
    with pytest.raises(InputError):
        read_info(tmp_path / name)


@pytest.mark.parametrize("what", ["absent.png", "folder.png"])
def test_an_error_names_what_is_not_a_file(tmp_path, what: str) -> None:
    (tmp_path / "folder.png").mkdir()
    with pytest.raises((InputError, OSError)):
        read_rgb(tmp_path / what)


def test_lists_are_sorted_and_hidden_files_are_not_images(tmp_path) -> None:
    for name in ("b.PNG", "a.jpg", ".DS_Store", "._a.jpg", "notes.txt"):
        (tmp_path / name).touch()
    (tmp_path / "c.png").mkdir()
    assert [p.name for p in list_images(tmp_path)] == ["a.jpg", "b.PNG"]
    assert not is_image(tmp_path / "notes.txt")


@pytest.mark.parametrize("mode", ["RGB", "L"])
def test_a_plain_png_is_decoded_to_the_pixels_that_pillow_gives(tmp_path: Path, mode: str) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (33, 47, 3) if mode == "RGB" else (33, 47), dtype=np.uint8)
    path = tmp_path / "plain.png"
    PillowImage.fromarray(pixels).save(path)
    assert np.array_equal(read_rgb(path), np.asarray(PillowImage.open(path).convert("RGB")))


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


@pytest.mark.parametrize(
    ("bits", "colours", "mode"), [(8, 0, "L"), (8, 2, "RGB"), (8, 6, "RGBA"), (16, 0, "I;16"), (1, 0, "1")]
)
def test_the_header_of_a_png_states_what_pillow_states(tmp_path: Path, bits: int, colours: int, mode: str) -> None:
    rows = b"\0" * 200
    for extra in (b"", chunk(b"pHYs", struct.pack(">IIB", 1, 1, 1))):
        header = chunk(b"IHDR", struct.pack(">IIBBBBB", 7, 5, bits, colours, 0, 0, 0))
        data = b"\x89PNG\r\n\x1a\n" + header + extra + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
        (tmp_path / "a.png").write_bytes(data)
        assert PillowImage.open(tmp_path / "a.png").mode == mode
        assert read_info(tmp_path / "a.png") == ImageInfo(7, 5, mode)


@pytest.mark.parametrize("header", [(0, 5, 8, 0, 0, 0, 0), (7, 5, 8, 0, 0, 1, 0), (7, 5, 3, 0, 0, 0, 0)])
def test_a_png_header_that_no_reader_accepts_is_refused(tmp_path: Path, header: tuple[int, ...]) -> None:
    data = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", *header))
    (tmp_path / "a.png").write_bytes(data + chunk(b"IDAT", zlib.compress(b"\0" * 60)) + chunk(b"IEND", b""))
    with pytest.raises(InputError):
        read_info(tmp_path / "a.png")


def test_an_image_that_claims_more_pixels_than_can_be_counted(tmp_path: Path) -> None:
    header = struct.pack(">IIBBBBB", 2**31 - 1, 2**31 - 1, 8, 0, 0, 0, 0)
    chunks = [(b"IHDR", header), (b"IDAT", zlib.compress(b"")), (b"IEND", b"")]
    packed = [struct.pack(">I", len(d)) + k + d + struct.pack(">I", zlib.crc32(k + d)) for k, d in chunks]
    (tmp_path / "a.png").write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(packed))
    with pytest.raises(InputError, match="more than COCO run lengths can hold"):
        read_info(tmp_path / "a.png")


def test_a_link_to_nothing_is_an_image_that_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "a.png").symlink_to(tmp_path / "gone.png")
    (example_image,) = list_images(tmp_path)
    with pytest.raises(InputError, match="no such image"):
        read_info(example_image)
