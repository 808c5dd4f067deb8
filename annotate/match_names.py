"""Which image of a folder a file name of a dataset means."""

from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

from annotate.folder_images import FolderImage


def match_names(images: Sequence[FolderImage], file_names: Iterable[str]) -> dict[str, str]:
    """The image name of each of `file_names`, all those of a dataset, that is an image of the folder.

    A file name matches an image if it is the path of the image, absolute or relative to the folder. It also
    matches if it is the last part of the path, and neither another image of the folder nor another file name has
    the same last part: good/1.png is not dent/1.png.
    """
    by_path = {image.name: image.name for image in images}
    by_path |= {str(image.path.resolve()): image.name for image in images}
    by_last_part = {image.path.name: image.name for image in images}
    known = set(file_names)
    sharing = Counter(image.path.name for image in images)
    meaning = Counter(Path(name).name for name in known)
    matched: dict[str, str] = {}
    for name in known:
        last = Path(name).name
        image = by_path.get(str(Path(name).resolve())) or by_path.get(name)
        if image is None and sharing[last] == meaning[last] == 1:
            image = by_last_part[last]
        if image is not None:
            matched[name] = image
    return matched
