"""Names to show in place of local copies: a command that works on a copy of a URL prints the URL."""

_NAMES: dict[str, str] = {}  # folder of this machine -> what is shown instead


def show_as(folder: str, name: str) -> None:
    """From now on, show `name` wherever the path `folder` occurs."""
    _NAMES[folder] = name


def show_unchanged(folder: str | None = None) -> None:
    """Show the path `folder` unchanged again; without it, all paths."""
    if folder is None:
        _NAMES.clear()
    else:
        _NAMES.pop(folder, None)


def shown(text: str) -> str:
    """`text` with the names to show in place of local copies.

    >>> show_as("/cache/work/1", "s3://bucket")
    >>> shown("/cache/work/1/parts/a.png: empty")
    's3://bucket/parts/a.png: empty'
    >>> show_unchanged()
    """
    for folder, name in _NAMES.items():
        text = text.replace(folder, name)
    return text
