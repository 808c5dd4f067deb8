"""The one HTML file: data escaped, scripts allowed by their hash only, nothing loaded from anywhere."""

import base64
import hashlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any
from urllib.parse import quote

import msgspec

from system.errors import OutputError
from system.files import new_folder, write_atomic
from view.bundle import bundle, read_asset
from view.data import page_data
from view.pictures import Crop
from view.scene import Scene

MOST_EMBEDDED = 300
MARKER = "view.json"
DISK = "'self' file: data:"
ESCAPES = {"<": "\\u003c", ">": "\\u003e", "&": "\\u0026", "\u2028": "\\u2028", "\u2029": "\\u2029"}


def write_page(
    out: Path, scene: Scene, rendered: Iterable[list[Crop]], extra: dict[str, Any] | None = None
) -> None:
    """Write the page of `scene` to `out`, atomically; `rendered` are the pictures of its images in order.

    With more than MOST_EMBEDDED images the pictures go into the folder `<out's stem>_files` beside it, which is
    replaced if an earlier page made it. Raises OutputError.
    """
    check_out(out, scene)
    out.parent.mkdir(parents=True, exist_ok=True)
    data = page_data(scene) | (extra or {})
    if len(scene.pictures) <= MOST_EMBEDDED:
        write_atomic(out, assemble(data, rendered).encode())
        return
    folder = files_folder(out)
    with new_folder(folder, overwrite=True, marker=MARKER) as partial:
        sources = _write_pictures(partial, folder.name, rendered)
        (partial / MARKER).write_text('{"made by": "defectline view"}\n')
    for image, parts in zip(data["images"], sources, strict=True):
        image["pictures"] = parts
    write_atomic(out, assemble(data, []).encode())


def check_out(out: Path, scene: Scene) -> None:
    """Raise OutputError where the page of `scene` cannot be written to `out`; writes nothing."""
    if out.is_dir():
        raise OutputError(out, "a folder stands where the page is to be", "name a file with --out FILE.html")
    if out.suffix.lower() not in {".html", ".htm"}:
        raise OutputError(out, "not named as a page", "name a file ending in .html with --out FILE.html")
    folder = files_folder(out)
    if len(scene.pictures) > MOST_EMBEDDED and folder.exists() and not (folder / MARKER).is_file():
        raise OutputError(folder, "in the way of the page's pictures", "name another file with --out FILE.html")


def files_folder(out: Path) -> Path:
    """The folder of pictures beside a page of many images."""
    return out.with_name(f"{out.stem}_files")


def assemble(data: dict[str, Any], rendered: Iterable[list[Crop]]) -> str:
    """The text of the page: style, data, script and last the pictures, to show the grid before they came."""
    blocks = []
    for i, crops in enumerate(rendered):
        data["images"][i]["pictures"] = [[*crop.region, None] for crop in crops]
        blocks += [
            f'<script type="text/plain" id="picture-{i}-{k}">{base64.b64encode(crop.webp).decode()}</script>\n'
            for k, crop in enumerate(crops)
        ]
    script, style = bundle("main"), read_asset("page.css")
    policy = (
        f"default-src 'none'; img-src {'data:' if blocks else DISK}; style-src '{_hash(style)}'; "
        f"script-src '{_hash(script)}'; base-uri 'none'; form-action 'none'"
    )
    parts = {
        "policy": policy,
        "title": _html_text(data["title"]),
        "style": style,
        "data": json_text(data),
        "script": script,
        "pictures": "".join(blocks),
    }
    page = read_asset("page.html")
    head, *rest = page.split("{{")
    for piece in rest:
        name, text = piece.split("}}", 1)
        head += parts[name.strip()] + text
    return head


def json_text(value: object) -> str:
    """JSON that is safe inside a script element: nothing in it can close the element or start a comment."""
    text = msgspec.json.encode(value).decode()
    for character, escape in ESCAPES.items():
        text = text.replace(character, escape)
    return text


def _write_pictures(folder: Path, name: str, rendered: Iterable[list[Crop]]) -> list[list[list[Any]]]:
    sources = []
    for i, crops in enumerate(rendered):
        parts: list[list[Any]] = []
        for k, crop in enumerate(crops):
            file_name = f"{i:05d}-{k}.webp"
            (folder / file_name).write_bytes(crop.webp)
            parts.append([*crop.region, quote(f"{name}/{file_name}")])
        sources.append(parts)
    return sources


def _hash(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def _html_text(text: str) -> str:
    from html import escape

    return escape(text)
