"""YAML files as people mean them: words stay text."""

from pathlib import Path
from typing import Any

from system.errors import InputError


def read_yaml(path: Path, remedy: str) -> tuple[Any, Any]:
    """A YAML file with its values typed, and once more with every scalar as the text in the file.

    The text is for names: YAML 1.1 reads the names no, off, 01 and 1:30 as False, False, 1 and 90. Raises
    InputError with `remedy` for what is not YAML, and FileNotFoundError.

    >>> import tempfile
    >>> with tempfile.NamedTemporaryFile(suffix=".yaml") as file:
    ...     _ = Path(file.name).write_text("names: [no, 01, 1:30]")
    ...     read_yaml(Path(file.name), "")
    ({'names': [False, 1, 90]}, {'names': ['no', '01', '1:30']})
    """
    import yaml

    try:
        text = path.read_text(encoding="utf-8-sig")
        return yaml.safe_load(text), yaml.load(text, yaml.BaseLoader)  # noqa: S506 -- it makes text only
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError, ValueError) as error:
        raise InputError(path, f"not valid YAML: {' '.join(str(error).split())}", remedy) from None
