"""Write the page: one HTML file with escaped data that runs only its own script and uses no network."""

import base64
import hashlib
from collections.abc import Iterable, Sequence
from html import escape
from pathlib import Path
from urllib.parse import quote

import msgspec

from system.errors import OutputError
from system.files import check_file_destination, new_folder, write_atomic
from system.shown_names import shown
from view.bundle import bundle, languages, read_asset
from view.crops import Crop
from view.data import CropRow, PageData, page_data
from view.map_files import copy_maps, map_blocks
from view.scene import Scene

MAX_EMBEDDED_IMAGES = 300
MARKER = "view.json"
DISK = "'self' file: data:"
ESCAPES = {"<": "\\u003c", ">": "\\u003e", "&": "\\u0026", "\u2028": "\\u2028", "\u2029": "\\u2029"}


def write_page(out: Path, scene: Scene, rendered: Iterable[list[Crop]]) -> None:
    """Write the page of `scene` to `out`, atomically; `rendered` are the crops of its images in order.

    If there are more than MAX_EMBEDDED_IMAGES images, the crops are written to the folder `<stem of out>_files`
    next to `out`. This folder is replaced if an earlier page created it. Raises OutputError if the page cannot be
    written.
    """
    check_page_name(out)
    check_folder(out, scene)
    out.parent.mkdir(parents=True, exist_ok=True)
    data = page_data(scene, out.parent)
    if len(scene.images) <= MAX_EMBEDDED_IMAGES:
        write_atomic(out, shown(embedded_page(data, rendered, map_blocks(scene))).encode())
        return
    folder = files_folder(out)
    with new_folder(folder, overwrite=True, marker=MARKER) as partial:
        crops = _write_crops(partial, folder.name, rendered)
        data = copy_maps(partial, folder.name, scene, data)
        (partial / MARKER).write_text('{"made by": "defectline view"}\n')
    write_atomic(out, shown(page_text(_with_crops(data, crops))).encode())


def check_page_name(out: Path) -> None:
    """Raise OutputError if a page cannot be written to `out`; leaves no file."""
    check_file_destination(out, "name a file with --out FILE.html")
    if out.suffix.lower() not in {".html", ".htm"}:
        raise OutputError(out, "not the name of an HTML file", "name a file ending in .html with --out FILE.html")


def check_folder(out: Path, scene: Scene) -> None:
    """Raise OutputError if the folder for the images of the page `out` exists and is another one."""
    folder = files_folder(out)
    if len(scene.images) > MAX_EMBEDDED_IMAGES and folder.exists() and not (folder / MARKER).is_file():
        problem = "exists, but the images of the page have to go there"
        raise OutputError(folder, problem, "name another file with --out FILE.html")


def files_folder(out: Path) -> Path:
    """The folder of crops next to a page of many images."""
    return out.with_name(f"{out.stem}_files")


def embedded_page(data: PageData, rendered: Iterable[list[Crop]], maps: Sequence[str] = ()) -> str:
    """The text of a page that contains its crops, and the script elements `maps`.

    They are last in the file, so the grid appears before they are read.
    """
    crops: list[list[CropRow]] = []
    blocks: list[str] = []
    for i, of_image in enumerate(rendered):
        crops.append([(*crop.region, None) for crop in of_image])
        blocks += [
            f'<script type="text/plain" id="crop-{i}-{k}">{base64.b64encode(crop.webp).decode()}</script>\n'
            for k, crop in enumerate(of_image)
        ]
    return page_text(_with_crops(data, crops), [*blocks, *maps])


def page_text(data: PageData, blocks: Sequence[str] = ()) -> str:
    """The text of a page; `blocks` are the script elements with its crops, empty if the crops are files."""
    script, style = bundle("main"), read_asset("page.css")
    policy = (
        f"default-src 'none'; img-src {'data:' if blocks else DISK}; style-src '{_hash(style)}'; "
        f"script-src '{_hash(script)}'; base-uri 'none'; form-action 'none'"
    )
    parts = {
        "policy": policy,
        "title": escape(data.title),
        "style": style,
        "words": json_text(languages()),
        "data": json_text(data),
        "script": script,
        "crops": "".join(blocks),
    }
    text, *rest = read_asset("page.html").split("{{")
    for piece in rest:
        name, after = piece.split("}}", 1)
        text += parts[name.strip()] + after
    return text


def json_text(value: object) -> str:
    """JSON that is safe inside a script element: it cannot close the element or start a comment."""
    text = msgspec.json.encode(value).decode()
    for character, escaped in ESCAPES.items():
        text = text.replace(character, escaped)
    return text


def _with_crops(data: PageData, crops: Sequence[list[CropRow]]) -> PageData:
    images = [msgspec.structs.replace(image, crops=of) for image, of in zip(data.images, crops, strict=True)]
    return msgspec.structs.replace(data, images=images)


def _write_crops(folder: Path, name: str, rendered: Iterable[list[Crop]]) -> list[list[CropRow]]:
    rows: list[list[CropRow]] = []
    for i, crops in enumerate(rendered):
        of_image: list[CropRow] = []
        for k, crop in enumerate(crops):
            file_name = f"{i:05d}-{k}.webp"
            (folder / file_name).write_bytes(crop.webp)
            of_image.append((*crop.region, quote(f"{name}/{file_name}")))
        rows.append(of_image)
    return rows


def _hash(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
