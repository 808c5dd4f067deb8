"""The XML reader: elements, places and attacks."""

from pathlib import Path

import pytest

from datasets.formats import xml_elements
from datasets.formats.xml_elements import read_xml, stream_xml
from system.errors import InputError


def xml(tmp_path: Path, data: str | bytes) -> Path:
    path = tmp_path / "a.xml"
    path.write_bytes(data if isinstance(data, bytes) else data.encode())
    return path


def test_text_attributes_and_lines(tmp_path: Path) -> None:
    root = read_xml(xml(tmp_path, '<a x="1">\n  <b> t&amp;<![CDATA[<]]> </b>\n  <b/>\n  <c><d>5</d></c></a>'))
    assert (root.name, root.attributes, root.text_of("b"), root.text_of("c", "d")) == ("a", {"x": "1"}, "t&<", "5")
    assert [element.line for element in root.all("b")] == [2, 3]
    assert root.first("e") is None
    assert root.text_of("e", "f") == ""


def test_children_come_one_by_one_and_are_not_kept(tmp_path: Path) -> None:
    items = "".join(f'<i n="{n}"><t>{n}</t></i>' for n in range(60_000))  # more than one chunk
    numbers = []
    for root, child in stream_xml(xml(tmp_path, f"<r>{items}</r>")):
        assert not root.children
        numbers.append(int(child.text_of("t")))
    assert numbers == list(range(60_000))


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "latin-1", "utf-8-sig"])
def test_encodings_are_those_that_the_file_states(tmp_path: Path, encoding: str) -> None:
    stated = encoding.removesuffix("-sig")
    data = f'<?xml version="1.0" encoding="{stated}"?><a>Größe</a>'.encode(encoding)
    assert read_xml(xml(tmp_path, data)).text == "Größe"


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        ('<!DOCTYPE a [<!ENTITY x "y">]><a>&x;</a>', "a document type declaration"),
        ('<!DOCTYPE a SYSTEM "file:///etc/passwd"><a/>', "a document type declaration"),
        ("<a>&x;</a>", "undefined entity"),
        ("<a><b></a>", "mismatched tag"),
        ("<a>", "no element found"),
        ("", "no element found"),
        ("<a/><b/>", "junk after document element"),
        ("<a>\x00</a>", "not valid XML"),
        (b"<a>\xff</a>", "not valid XML"),
        (b'<?xml version="1.0" encoding="gbk"?><a>\xc4\xe3</a>', "encoding"),
        (b'<?xml version="1.0" encoding="nothing"?><a/>', "encoding"),
        ("<a>" * 100 + "</a>" * 100, "nested more than 40 deep"),
        ("<a>" * 200_000, "nested more than 40 deep"),
    ],
)
def test_xml_that_is_not_plain_is_refused(tmp_path: Path, data: str | bytes, problem: str) -> None:
    with pytest.raises(InputError, match=problem):
        read_xml(xml(tmp_path, data))


def test_size_is_limited(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(xml_elements, "MAX_BYTES", 100)
    with pytest.raises(InputError, match="more than 100 bytes"):
        read_xml(xml(tmp_path, f"<a>{'x' * 200}</a>"))


def test_folders_and_missing_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file"):
        read_xml(tmp_path / "b.xml")
    with pytest.raises(InputError, match="a folder"):
        read_xml(tmp_path)


@pytest.mark.parametrize("data", ['<a>\n<b c="{}"/></a>', "<a>\n<!--{}--></a>"])
def test_a_tag_without_end_is_refused(data: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its time grows with the square of its length."""
    monkeypatch.setattr(xml_elements, "MAX_TAG", 2**21)
    read_xml(xml(tmp_path, data.format("x" * 2**20)))
    with pytest.raises(InputError, match=r"a tag or comment of more than 2097152 bytes \(line 2\)"):
        read_xml(xml(tmp_path, data.format("x" * 2**22)))
    read_xml(xml(tmp_path, f"<a>{'x' * 2**22}{'<b/>' * 2**20}</a>"))


@pytest.mark.parametrize("many", ["<b/>" * 60, "<b " + " ".join(f"c{number}='1'" for number in range(60)) + "/>"])
def test_the_number_of_elements_in_memory_is_limited(
    many: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(xml_elements, "MAX_KEPT", 100)
    with pytest.raises(InputError, match="more than 100 elements and attributes in one file"):
        read_xml(xml(tmp_path, f"<a>{many}{many}</a>"))
    with pytest.raises(InputError, match="more than 100 elements and attributes of an image"):
        list(stream_xml(xml(tmp_path, f"<a><image>{many}{many}</image></a>")))
    assert len(list(stream_xml(xml(tmp_path, f"<a><image>{many}</image><image>{many}</image></a>")))) == 2
