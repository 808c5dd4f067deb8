"""history.csv of a run folder: a row per epoch, numbers only."""

import csv
import io
from pathlib import Path

from system.errors import InputError
from system.files import read_file

MAX_HISTORY_BYTES = 2**26  # 64 MiB: a row of 20 numbers has 200 bytes


def read_history(path: Path) -> list[dict[str, float]]:
    """The rows of history.csv; an empty list where there is none; empty cells are left out. Raises InputError."""
    if not path.exists():
        return []
    try:
        text = read_file(path, MAX_HISTORY_BYTES).decode("utf-8-sig")
        rows = csv.DictReader(io.StringIO(text, newline=""), strict=True)
        history = [{k: float(v) for k, v in row.items() if v} for row in rows]
    except (UnicodeDecodeError, csv.Error, ValueError, TypeError) as error:  # TypeError: a row is too long
        raise InputError(path, f"not as defectline writes it: {error}", "start a new run") from None
    if not all("epoch" in row for row in history):
        raise InputError(path, "a row has no epoch", "start a new run")
    return history
