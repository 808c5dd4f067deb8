"""Read XML of labelling tools safely.

Document types and entities are refused (no entity expansion, no external files). Nesting and size are limited.
Elements can be processed one by one, so that memory does not grow with the file.
"""

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from xml.parsers import expat

from system.errors import InputError
from system.files import check_regular

MAX_DEPTH = 40
MAX_BYTES = 2**30  # of one file
MAX_TAG = 2**26  # bytes, with its attributes
MAX_KEPT = 5_000_000  # elements and attributes at a time, which take about 1.5 GB
CHUNK = 2**20
REMEDY = "export it again, or remove it if no labelling tool wrote it"


class XmlElement:
    """One element: name, attributes, text directly inside it, child elements, line in the file."""

    __slots__ = ("attributes", "children", "line", "name", "parts")

    def __init__(self, name: str, attributes: dict[str, str], line: int) -> None:
        self.name = name
        self.attributes = attributes
        self.line = line
        self.parts: list[str] = []
        self.children: list[XmlElement] = []

    @property
    def text(self) -> str:
        """The text directly inside the element, without surrounding white space."""
        return "".join(self.parts).strip()

    def all(self, name: str) -> "list[XmlElement]":
        """The child elements called `name`."""
        return [child for child in self.children if child.name == name]

    def first(self, name: str) -> "XmlElement | None":
        """The first child element called `name`."""
        return next((child for child in self.children if child.name == name), None)

    def text_of(self, *path: str) -> str:
        """The text of the first element on a path of names, empty if there is none.

        >>> root = XmlElement("a", {}, 1)
        >>> root.text_of("b", "c")
        ''
        """
        element: XmlElement | None = self
        for name in path:
            element = element.first(name) if element is not None else None
        return element.text if element is not None else ""


def read_xml(path: Path) -> XmlElement:
    """Read a whole file into its root element. Raises InputError if it is not valid or safe XML."""
    reader = _XmlReader(path, stream=False)
    for _ in reader.run():
        pass
    if reader.root is None:
        raise InputError(path, "contains no XML element", REMEDY)
    return reader.root


def stream_xml(path: Path) -> "Iterator[tuple[XmlElement, XmlElement]]":
    """Yield (root, child) for each complete child element of the root; the root does not keep them.

    Raises InputError if the file is not valid or safe XML.
    """
    reader = _XmlReader(path, stream=True)
    for child in reader.run():
        assert reader.root is not None
        yield reader.root, child


def root_name(path: Path) -> str:
    """The name of the root element, empty if the file is not plain XML."""
    reader = _XmlReader(path, stream=True)
    with suppress(InputError):
        next(reader.run(), None)
    return reader.root.name if reader.root is not None else ""


class _XmlReader:
    def __init__(self, path: Path, *, stream: bool) -> None:
        self.root: XmlElement | None = None
        self._path = path
        self._stream = stream
        self._open: list[XmlElement] = []
        self._done: list[XmlElement] = []
        self._kept = 0
        self._parser = expat.ParserCreate()
        self._parser.buffer_text = True
        self._parser.StartElementHandler = self._start
        self._parser.EndElementHandler = self._end
        self._parser.CharacterDataHandler = self._characters
        self._parser.StartDoctypeDeclHandler = self._refuse_doctype
        self._parser.EntityDeclHandler = self._refuse_entity

    def run(self) -> Iterator[XmlElement]:
        try:
            check_regular(self._path)
            with self._path.open("rb") as file:
                read = 0
                while chunk := file.read(CHUNK):
                    read += len(chunk)
                    if read > MAX_BYTES:
                        raise InputError(self._path, f"more than {MAX_BYTES} bytes of XML", "split the file")
                    self._parser.Parse(chunk, False)
                    self._check_unread(read)
                    yield from self._completed()
                self._parser.Parse(b"", True)
                yield from self._completed()
        except expat.ExpatError as error:
            raise InputError(self._path, f"not valid XML: {error}", REMEDY) from None
        except (LookupError, UnicodeError) as error:
            raise InputError(self._path, f"its encoding cannot be read: {error}", "save it as UTF-8") from None
        except ValueError as error:
            problem = f"its encoding cannot be read: {error}" if "encoding" in str(error) else f"{error}"
            raise InputError(self._path, problem, "save it as UTF-8") from None
        except FileNotFoundError:
            raise InputError(self._path, "no such file", "check the path") from None
        except IsADirectoryError:
            raise InputError(self._path, "a folder with the name of an XML file", "rename it") from None

    def _check_unread(self, read: int) -> None:
        """Raise InputError for a long tag or comment: expat reads it from its beginning with every chunk."""
        begun = max(0, self._parser.CurrentByteIndex)
        if read - begun > MAX_TAG:
            line = self._parser.CurrentLineNumber
            raise InputError(self._path, f"a tag or comment of more than {MAX_TAG} bytes (line {line})", REMEDY)

    def _completed(self) -> Iterator[XmlElement]:
        done, self._done = self._done, []
        yield from done

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        if len(self._open) >= MAX_DEPTH:
            line = self._parser.CurrentLineNumber
            raise InputError(self._path, f"elements nested more than {MAX_DEPTH} deep (line {line})", REMEDY)
        self._count(1 + len(attributes))
        element = XmlElement(name, attributes, self._parser.CurrentLineNumber)
        if not self._open:
            self.root = element
        elif not (self._stream and len(self._open) == 1):
            self._open[-1].children.append(element)
        self._open.append(element)

    def _count(self, more: int) -> None:
        """Count elements and attributes that are kept. Raises InputError for too many."""
        self._kept += more
        if self._kept > MAX_KEPT:
            what = "of an image" if self._stream else "in one file"
            raise InputError(self._path, f"more than {MAX_KEPT} elements and attributes {what}", "split it")

    def _end(self, _name: str) -> None:
        element = self._open.pop()
        if self._stream and len(self._open) == 1:
            self._done.append(element)
            self._kept = 0

    def _characters(self, text: str) -> None:
        if not (self._stream and len(self._open) == 1):
            self._open[-1].parts.append(text)

    def _refuse_doctype(self, *_: object) -> None:
        problem = f"a document type declaration (line {self._parser.CurrentLineNumber})"
        raise InputError(self._path, problem, "no labelling tool writes one; remove it")

    def _refuse_entity(self, *_: object) -> None:
        problem = f"an entity declaration (line {self._parser.CurrentLineNumber})"
        raise InputError(self._path, problem, "no labelling tool writes one; remove it")
