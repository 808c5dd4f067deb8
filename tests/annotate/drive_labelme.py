"""Runs inside the Python of labelme: start the real labelme, then simulate a person at its window.

drive_labelme.py PLAN [labelme's arguments]: PLAN is JSON with `report` (file to write) and optionally `screenshot`
and `move` (name of the image, x and y by which the first corner of its first shape is dragged with the mouse).
"""

import faulthandler
import json
import sys
from pathlib import Path

from labelme.__main__ import main

try:
    from PyQt5 import QtCore, QtGui, QtTest, QtWidgets
except ImportError:  # labelme 7
    from PySide6 import QtCore, QtGui, QtTest, QtWidgets

SECONDS = 150  # then a window that waits for an answer is given up
LEFT = QtCore.Qt.MouseButton.LeftButton


def act() -> int:
    """Look at every image of the list, move a corner, write the report."""
    sys.excepthook = sys.__excepthook__  # labelme would show a window and wait
    (window,) = [w for w in QtWidgets.QApplication.topLevelWidgets() if type(w).__name__ == "MainWindow"]
    canvas, files = window._canvas_widgets.canvas, window._docks.file_list
    wait()
    opened = {}
    for row in range(files.count()):
        files.setCurrentRow(row)
        wait()
        opened[files.item(row).text()] = [read_shape(shape) for shape in canvas.shapes]
        if Path(files.item(row).text()).name == PLAN.get("move", [None])[0]:
            drag_first_corner(canvas, *PLAN["move"][1:])
    flags = window._docks.flag_list
    report = {
        "images": opened,
        "labels": [window._docks.unique_label_list.item(i).data(QtCore.Qt.ItemDataRole.UserRole)
                   for i in range(window._docks.unique_label_list.count())],
        "flags": [flags.item(i).text() for i in range(flags.count())],
        "config": {key: window._config[key] for key in ("validate_label", "auto_save")},
    }  # fmt: skip
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
        "points": [xy(point) for point in shape.points],
        "flags": dict(shape.flags or {}),
        "description": shape.description,
        "pixels": None if shape.mask is None else int(shape.mask.sum()),
        "colour": list(shape.line_color.getRgb()[:3]) if hasattr(shape, "line_color") else None,
    }


def xy(point: object) -> list[float]:
    """A point of labelme 6 (a Qt type) or 7 (a NumPy array)."""
    return [point.x(), point.y()] if hasattr(point, "x") else [float(v) for v in point]


def drag_first_corner(canvas: object, dx: float, dy: float) -> None:
    """Drag the first corner with the left button."""
    start = QtCore.QPointF(*xy(canvas.shapes[0].points[0]))
    end = QtCore.QPointF(start.x() + dx, start.y() + dy)
    none = QtCore.Qt.KeyboardModifier.NoModifier
    spare = [
        canvas.width() - canvas.pixmap.width() * canvas.scale,
        canvas.height() - canvas.pixmap.height() * canvas.scale,
    ]
    margin = QtCore.QPointF(*(max(0, s) / 2 for s in spare))  # the image is in the middle of the canvas
    here, there = (((point * canvas.scale) + margin).toPoint() for point in (start, end))
    QtTest.QTest.mouseMove(canvas, here)
    wait()
    QtTest.QTest.mousePress(canvas, LEFT, none, here)
    # moves by QTest have no button pressed
    move, no_button = QtCore.QEvent.Type.MouseMove, QtCore.Qt.MouseButton.NoButton
    where = QtCore.QPointF(there)
    pulled = QtGui.QMouseEvent(move, where, QtCore.QPointF(canvas.mapToGlobal(there)), no_button, LEFT, none)
    QtWidgets.QApplication.sendEvent(canvas, pulled)
    wait()
    QtTest.QTest.mouseRelease(canvas, LEFT, none, there)
    wait()


def wait() -> None:
    """Let the window process its events."""
    for _ in range(3):
        QtTest.QTest.qWait(100)


faulthandler.dump_traceback_later(SECONDS, exit=True)
PLAN = json.loads(Path(sys.argv.pop(1)).read_text())
if "--version" not in sys.argv:
    QtWidgets.QApplication.exec_ = staticmethod(act)
    QtWidgets.QApplication.exec = staticmethod(act)
main()
