"""The maps of a scene inside the page or in the folder beside it."""

import base64
from pathlib import Path
from urllib.parse import quote

import msgspec

from evaluate.map_folder import map_bytes
from view.data import MapSource, PageData
from view.scene import Scene


def map_blocks(scene: Scene) -> list[str]:
    """The script elements of a page that contains its maps. Raises InputError for a file that is not a map."""
    return [
        f'<script type="text/plain" id="map-{i}-{m}">{base64.b64encode(map_bytes(path)).decode()}</script>\n'
        for i, shown in enumerate(scene.images)
        for m, path in enumerate(shown.maps)
        if path
    ]


def copy_maps(folder: Path, name: str, scene: Scene, data: PageData) -> PageData:
    """Copy the maps into the existing `folder`, which the page finds as `name`, and return `data` with them."""
    images = []
    for i, (shown, image) in enumerate(zip(scene.images, data.images, strict=True)):
        sources: list[MapSource] = []
        for m, path in enumerate(shown.maps):
            file = f"{i:05d}-map-{m}.png"
            if path:
                (folder / file).write_bytes(map_bytes(path))
            sources.append(quote(f"{name}/{file}") if path else None)
        images.append(msgspec.structs.replace(image, maps=sources))
    return msgspec.structs.replace(data, images=images)
