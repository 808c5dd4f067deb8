"""Compare pinned packages with a copy of PyPA's advisory database, without the network.

    python -m tests.audit ADVISORIES [constraints.txt]

ADVISORIES is a clone of github.com/pypa/advisory-database (a folder with `vulns`), whose files have the OSV schema
(https://ossf.github.io/osv-schema/). Prints a line for each advisory of a pinned version. Also prints the date of
the newest advisory of these packages, because a copy knows nothing newer. The exit status is 1 if a version is
affected.
"""

import sys
from collections.abc import Iterator
from pathlib import Path

import msgspec
from packaging.utils import canonicalize_name
from packaging.version import Version


class Range(msgspec.Struct):
    """A range of versions; `events` are {"introduced": ...}, {"fixed": ...} or {"last_affected": ...} in order."""

    type: str
    events: list[dict[str, str]]


class Package(msgspec.Struct):
    """The package of an advisory."""

    name: str
    ecosystem: str = "PyPI"


class Affected(msgspec.Struct):
    """What an advisory affects."""

    package: Package
    ranges: list[Range] = []
    versions: list[str | float | int] = []


class Advisory(msgspec.Struct):
    """One file of the database."""

    id: str
    modified: object
    affected: list[Affected] = []
    aliases: list[str] = []
    withdrawn: object = None


def is_affected(affected: Affected, version: Version) -> bool:
    """Whether a version is listed or in a range of versions; ranges of commits are ignored."""
    if str(version) in map(str, affected.versions):
        return True
    return any(_in_range(one, version) for one in affected.ranges if one.type == "ECOSYSTEM")


def _in_range(one: Range, version: Version) -> bool:
    inside = False
    for event in one.events:
        if "introduced" in event:
            inside = inside or event["introduced"] == "0" or version >= Version(event["introduced"])
        elif "fixed" in event:
            inside = inside and version < Version(event["fixed"])
        elif "last_affected" in event:
            inside = inside and version <= Version(event["last_affected"])
    return inside


def read_pins(path: Path) -> dict[str, Version]:
    """Versions by canonical name of the lines NAME==VERSION."""
    lines = [line.partition("#")[0].partition(";")[0].strip() for line in path.read_text().splitlines()]
    pairs = [line.split("==") for line in lines if "==" in line]
    return {canonicalize_name(name): Version(version) for name, version in pairs}


def read_advisories(root: Path, names: set[str]) -> Iterator[Advisory]:
    """The advisories of the packages `names` that were not withdrawn."""
    for folder in sorted((root / "vulns").iterdir()):
        if canonicalize_name(folder.name) in names:
            for file in sorted(folder.glob("*.yaml")):
                advisory = msgspec.yaml.decode(file.read_bytes(), type=Advisory)
                if advisory.withdrawn is None:
                    yield advisory


def find_affected(root: Path, pins: dict[str, Version]) -> tuple[list[str], int, str]:
    """A line for each advisory of a pinned version, the number of advisories read, and the newest date."""
    found, count, newest = [], 0, ""
    for advisory in read_advisories(root, set(pins)):
        count += 1
        newest = max(newest, str(advisory.modified)[:10])
        for affected in advisory.affected:
            name = canonicalize_name(affected.package.name)
            if name in pins and is_affected(affected, pins[name]):
                found.append(f"{name} {pins[name]}: {advisory.id} {' '.join(advisory.aliases)}".strip())
    return sorted(set(found)), count, newest


def main(root: str, constraints: str = "constraints.txt") -> None:
    """Print what is affected."""
    pins = read_pins(Path(constraints))
    found, count, newest = find_affected(Path(root), pins)
    print(*found, sep="\n", end="\n" if found else "")
    known = f"{len(pins)} packages, {count} advisories of them, the newest of {newest}"
    print(f"{known}: {len(found)} affect a pinned version")
    sys.exit(1 if found else 0)


if __name__ == "__main__":
    main(*sys.argv[1:])
