"""The page's own JavaScript and CSS, read from their files and put together without any build tool.

The modules under page/ are ordinary ES modules, so that editors understand them. A page opened from disk may not
load modules, so imports and the word `export` are taken away and the files joined, each after those it imports.
"""

import re
from importlib.resources import files

IMPORT = re.compile(r'^import \{([^}]*)\} from "\./([a-z_]+)\.js";\n', re.MULTILINE)
EXPORT = re.compile(r"^export (?=(?:async )?function|const|class|let)", re.MULTILINE)
TOP_LEVEL = re.compile(r"^(?:async )?(?:function|const|let|class) \*?(\w+)", re.MULTILINE)


def read_asset(name: str) -> str:
    """Text of a file under page/."""
    return (files("view") / "page" / name).read_text("utf-8")


def bundle(*entries: str) -> str:
    """The modules `entries` and all they import as one script. Raises ValueError on a name used twice."""
    ordered: list[str] = []
    for entry in entries:
        _visit(entry, ordered, ())
    parts = [EXPORT.sub("", IMPORT.sub("", read_asset(f"{name}.js"))) for name in ordered]
    names = [name for part in parts for name in TOP_LEVEL.findall(part)]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ValueError(f"declared in more than one module: {', '.join(twice)}")
    return '"use strict";\n(() => {\n' + "\n".join(parts) + "})();\n"


def _visit(name: str, ordered: list[str], above: tuple[str, ...]) -> None:
    if name in ordered:
        return
    if name in above:
        raise ValueError(f"modules import each other: {' -> '.join((*above, name))}")
    for _, imported in IMPORT.findall(read_asset(f"{name}.js")):
        _visit(imported, ordered, (*above, name))
    ordered.append(name)
