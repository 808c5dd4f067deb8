"""Print the bytes that the listed images of datasets take, one number for each: FORM FOLDER FOLDER ...

A process of its own, because in that of other tests their leftovers may be collected, and allocate, meanwhile.
"""

import gc
import sys
import tracemalloc
from pathlib import Path

from datasets.check.read_coco import CocoFolder
from datasets.check.read_labelme import LabelmeFolder

FORMS = {"coco": CocoFolder(), "labelme": LabelmeFolder()}


def entries_take(form: CocoFolder | LabelmeFolder, root: Path) -> int:
    """The bytes that the listed images of a dataset take."""
    tracemalloc.start()
    try:
        listing = form.list_entries(root)
        assert listing is not None
        result = listing.entries
        del listing
        assert result
        gc.collect()
        return tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()


if __name__ == "__main__":
    print(*(entries_take(FORMS[sys.argv[1]], Path(folder)) for folder in sys.argv[2:]))
