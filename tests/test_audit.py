"""The comparison of pinned packages with a copy of the advisory database."""

from pathlib import Path

import pytest
from packaging.version import Version

from tests.audit import Affected, Package, Range, find_affected, is_affected, main, read_pins

ADVISORY = """
id: PYSEC-1
modified: 2024-03-01T10:00:00Z
aliases: [CVE-1]
affected:
- package: {ecosystem: PyPI, name: Some_Package}
  ranges:
  - {type: GIT, events: [{introduced: "0"}]}
  - {type: ECOSYSTEM, events: [{introduced: 1.2.0}, {fixed: 1.4.1}]}
  versions: ["0.9"]
"""


@pytest.mark.parametrize(
    ("version", "expected"),
    [("0.9", True), ("1.1", False), ("1.2", True), ("1.4.1rc1", True), ("1.4.1", False), ("2.0", False)],
)
def test_a_version_is_affected_if_it_is_listed_or_in_a_range(version: str, expected: bool) -> None:
    released = Range("ECOSYSTEM", [{"introduced": "1.2.0"}, {"fixed": "1.4.1"}])
    ranges = [released, Range("GIT", [{"introduced": "0"}])]
    assert is_affected(Affected(Package("a"), ranges, ["0.9"]), Version(version)) is expected


def test_pins_are_compared_with_the_files_of_the_database(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "vulns" / "some-package"
    folder.mkdir(parents=True)
    (folder / "PYSEC-1.yaml").write_text(ADVISORY)
    withdrawn = ADVISORY.replace("PYSEC-1", "PYSEC-2") + "withdrawn: 2024-04-01T00:00:00Z\n"
    (folder / "PYSEC-2.yaml").write_text(withdrawn)
    pins = tmp_path / "constraints.txt"
    pins.write_text("some.package==1.3.0  # a comment\nother==1.3.0\n")
    assert find_affected(tmp_path, read_pins(pins)) == (["some-package 1.3.0: PYSEC-1 CVE-1"], 1, "2024-03-01")
    for version, status in (("1.3.0", 1), ("1.5", 0)):
        pins.write_text(f"some.package=={version}\n")
        with pytest.raises(SystemExit) as end:
            main(str(tmp_path), str(pins))
        assert end.value.code == status
    assert "1 advisories of them, the newest of 2024-03-01: 0 affect" in capsys.readouterr().out
