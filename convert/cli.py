"""The `convert` command: one subcommand per conversion."""

import sys
from collections.abc import Collection
from typing import NoReturn

import typer

from system.called_command import add_modules
from system.console import new_app, run

HELP = "Convert between annotation formats; every conversion ends with a table of what it repaired and lost."
# Module -> its commands with their help texts, as in the docstrings, so that `--help` imports none of the modules.
MODULES = {
    "convert.cli_mvtec": {
        "mvtec2coco": "Convert MVTec AD category folders, or similar datasets, to a COCO dataset folder with boxes"
        " and masks.",
    },
    "convert.cli_labelme": {
        "labelme2coco": "Convert a folder of labelme files to a COCO dataset folder with boxes, instance masks and"
        " pixel masks.",
        "coco2labelme": "Convert a COCO dataset to a labelme folder: polygons, and mask shapes where a polygon is"
        " not sufficient.",
    },
    "convert.cli_masks": {
        "masks2coco": "Convert images and masks of the same names to a COCO dataset folder, one annotation per"
        " component.",
        "coco2masks": "Convert a COCO dataset to pixel masks (index PNG); where annotations meet, the smaller is"
        " on top.",
    },
    "convert.cli_yolo": {
        "coco2yolo": "Convert a COCO dataset folder or file to a YOLO folder for Ultralytics.",
        "yolo2coco": "Convert a YOLO folder to a COCO dataset folder.",
    },
    "convert.cli_xml": {
        "voc2coco": "Convert Pascal VOC XML (labelImg, NEU-DET) to a COCO dataset folder.",
        "cvat2coco": "Convert CVAT for images 1.1 to a COCO dataset folder; an image without shapes is"
        " unlabelled.",
    },
    "convert.cli_tables": {
        "labelstudio2coco": "Convert a JSON or JSON-MIN export of Label Studio to a COCO dataset folder; downloads"
        " nothing.",
        "via2coco": "Convert a VGG Image Annotator project (VIA 1, 2, 3) to a COCO dataset folder.",
        "csv2coco": "Convert a CSV table (Severstal, makesense.ai or filename,width,height,class,xmin,...) to a"
        " COCO dataset.",
    },
    "convert.cli_coco": {
        "coco2coco": "Convert COCO of any tool (CVAT, Roboflow, Label Studio, FiftyOne, ...) to a COCO dataset"
        " folder.",
    },
}


def make_app(words: Collection[str] | None = None) -> typer.Typer:
    """The app with every command; with the `words` of a command line only the command among them is complete."""
    app = new_app(HELP)
    add_modules(app, MODULES, words)
    return app


def main() -> NoReturn:
    """Entry point of the console command."""
    run(make_app(sys.argv[1:]), "convert")


if __name__ == "__main__":
    main()
