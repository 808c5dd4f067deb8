"""Join the JavaScript modules of the page into one script, without a build tool.

The files in page/ are ordinary ES modules, which editors and linters understand. A page opened from disk may not
load modules. Therefore `import` lines and the word `export` are removed, and each file is joined after the files
that it imports.
"""

import json
import re
from functools import cache
from importlib.resources import files

IMPORT = re.compile(r'^import \{([^}]*)\} from "\./([a-z_]+)\.js";\n', re.MULTILINE)
EXPORT = re.compile(r"^export (?=(?:async )?function|const|class|let)", re.MULTILINE)
LANGUAGES = files("view") / "page" / "languages"
JSDOC = re.compile(r"^ */\*\*(?:(?!\*/).)*\*/\n", re.MULTILINE | re.DOTALL)
TOP_LEVEL = re.compile(r"^(?:async )?(?:function|const|let|class) \*?(\w+)", re.MULTILINE)


def read_asset(name: str) -> str:
    """The text of a file in page/."""
    return (files("view") / "page" / name).read_text("utf-8")


@cache
def languages() -> dict[str, dict[str, str | list[str]]]:
    """The words of each language: code -> key -> text, or [one, many]. English is first."""
    found = {
        name.removesuffix(".json"): json.loads((LANGUAGES / name).read_text("utf-8"))
        for name in sorted(path.name for path in LANGUAGES.iterdir())
    }
    return {code: found[code] for code in sorted(found, key=lambda code: (code != "en", code))}


def bundle(*entries: str) -> str:
    """The modules `entries` and all modules that they import as one script, without type comments.

    Raises ValueError if two modules declare the same name or if imports form a cycle.
    """
    ordered: list[str] = []
    for entry in entries:
        _visit(entry, ordered, ())
    parts = [JSDOC.sub("", EXPORT.sub("", IMPORT.sub("", read_asset(f"{name}.js")))) for name in ordered]
    names = [name for part in parts for name in TOP_LEVEL.findall(part)]
    repeated = sorted({name for name in names if names.count(name) > 1})
    if repeated:
        raise ValueError(f"declared in more than one module: {', '.join(repeated)}")
    return '"use strict";\n(() => {\n' + "\n".join(parts) + "})();\n"


def _visit(name: str, ordered: list[str], above: tuple[str, ...]) -> None:
    if name in ordered:
        return
    if name in above:
        raise ValueError(f"modules import each other: {' -> '.join((*above, name))}")
    for _, imported in IMPORT.findall(read_asset(f"{name}.js")):
        _visit(imported, ordered, (*above, name))
    ordered.append(name)
