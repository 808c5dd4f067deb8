"""A page of chosen images only, named by a list that the page itself saves."""

from pathlib import Path

import msgspec

from system.errors import InputError
from view.scene import Scene


def only_listed(scene: Scene, names: Path) -> Scene:
    """The scene with the images whose file names are in the text file `names`, one per line.

    Differences between runs are left out, because they were measured on all images. Raises InputError if the file
    cannot be read, is empty, or has a name that is not on the page.
    """
    try:
        lines = names.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(names, "cannot be read as a list of file names", "save the names in the page") from error
    wanted = {line.strip(): number for number, line in enumerate(lines, 1) if line.strip()}
    known = {shown.image.file_name for shown in scene.images}
    for name, number in wanted.items():
        if name not in known:
            problem = f"line {number}: {name} is not one of the {len(known)} images of this page"
            raise InputError(names, problem, "save the names in the page of the same run and split")
    if not wanted:
        raise InputError(names, "contains no file name", "save the names in the page")
    images = [shown for shown in scene.images if shown.image.file_name in wanted]
    return msgspec.structs.replace(scene, images=images, selected=len(scene.images), differences=[])
