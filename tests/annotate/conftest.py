"""Folders of small images with labelme files, drawn so that the expected values can be worked out by hand."""

import shutil
import subprocess
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from datasets.formats.labelme import Shape, encode_raw
from datasets.formats.labelme_document import new_document, shape_to_raw

HEIGHT, WIDTH = 60, 80


def box(label: str, x0: float, y0: float, x1: float, y1: float, **more: Any) -> dict[str, Any]:
    """A rectangular polygon as labelme writes it; `more` are further keys."""
    shape = Shape(label, [(x0, y0), (x1, y0), (x1, y1), (x0, y1)], shape_type="polygon")
    return {**shape_to_raw(shape), **more}


def draw_image(path: Path, height: int = HEIGHT, width: int = WIDTH) -> Path:
    """A grey image."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.full((height, width, 3), 128, np.uint8)).save(path)
    return path


def write_labels(image: Path, shapes: Sequence[dict[str, Any]], **more: Any) -> Path:
    """A labelme file beside `image`; `more` are further keys of the file."""
    path = image.with_suffix(".json")
    raw = new_document(path, image.name, HEIGHT, WIDTH).raw
    path.write_bytes(encode_raw({**raw, "shapes": list(shapes), **more}))
    return path


@pytest.fixture
def folder(tmp_path: Path) -> Callable[..., Path]:
    """Makes a folder from image name -> shapes, or None for no labelme file."""

    def make(name: str = "images", /, **images: Sequence[dict[str, Any]] | None) -> Path:
        root = tmp_path / name
        root.mkdir(exist_ok=True)
        for stem, shapes in images.items():
            image = draw_image(root / f"{stem}.png")
            if shapes is not None:
                write_labels(image, shapes)
        return root

    return make


@pytest.fixture
def screen() -> Iterator[str]:
    """A separate screen for a program with a window; skips without Xvfb."""
    xvfb = shutil.which("Xvfb")
    if xvfb is None:
        pytest.skip("Xvfb is not installed, so the window is not tested")
    command = [xvfb, "-displayfd", "1", "-screen", "0", "1400x900x24", "-nolisten", "tcp"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as server:
        assert server.stdout
        number = server.stdout.readline().strip()
        try:
            yield f":{number}"
        finally:
            server.terminate()
