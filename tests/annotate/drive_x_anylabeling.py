"""Runs inside the Python of X-AnyLabeling: start the real program, then simulate a person at its window.

drive_x_anylabeling.py PLAN [arguments]: PLAN is JSON with `report` (file to write) and optionally `screenshot` and
`move` (name of the image, x and y by which the first corner of its first shape is moved).
"""

import faulthandler
import json
import sys
from pathlib import Path

from anylabeling.app import main
from PyQt6 import QtCore, QtTest, QtWidgets

SECONDS = 150  # then a window that waits for an answer is given up


def act() -> int:
    """Look at every image of the list, move a corner, write the report."""
    sys.excepthook = sys.__excepthook__
    (window,) = [w for w in QtWidgets.QApplication.topLevelWidgets() if type(w).__name__ == "MainWindow"]
    window.resize(1400, 900)
    view = window.labeling_widget.view
    files = view.file_list_widget
    wait()
    opened = {}
    for row in range(files.count()):
        files.setCurrentRow(row)
        wait()
        opened[view.filename] = [read_shape(shape) for shape in view.canvas.shapes]
        if Path(view.filename).name == PLAN.get("move", [None])[0]:
            shape, (dx, dy) = view.canvas.shapes[0], PLAN["move"][1:]
            shape.move_vertex_by(0, QtCore.QPointF(dx, dy))
            view.set_dirty()  # what the canvas announces after a move; it saves by itself
            wait()
    report = {
        "images": opened,
        "labels": list(view._config["labels"] or []),
        "flags": [view.flag_widget.item(i).text() for i in range(view.flag_widget.count())],
        "config": {key: view._config[key] for key in ("validate_label", "auto_save", "exif_scan_enabled")},
    }
    if "screenshot" in PLAN:
        files.setCurrentRow(0)
        wait()
        window.grab().save(PLAN["screenshot"])
    Path(PLAN["report"]).write_text(json.dumps(report))
    window.close()
    return 0


def read_shape(shape: object) -> dict[str, object]:
    """The properties of a shape on the canvas."""
    return {
        "label": shape.label,
        "shape_type": shape.shape_type,
        "points": [[point.x(), point.y()] for point in shape.points],
        "flags": dict(shape.flags or {}),
        "description": shape.description,
        "colour": list(shape.line_color.getRgb()[:3]),
    }


def wait() -> None:
    """Let the window process its events."""
    for _ in range(3):
        QtTest.QTest.qWait(100)


faulthandler.dump_traceback_later(SECONDS, exit=True)
PLAN = json.loads(Path(sys.argv.pop(1)).read_text())
if "version" not in sys.argv:
    QtWidgets.QApplication.exec = staticmethod(act)
main()
