"""YAML files as people mean them: words stay text, and a name given twice is an error."""

from pathlib import Path
from typing import TYPE_CHECKING

from system.errors import InputError
from system.files import read_file

if TYPE_CHECKING:
    from system.yaml_loader import StrictLoader

MAX_YAML_BYTES = 2**22  # 4 MiB, which take about a minute


def read_yaml(path: Path, remedy: str) -> tuple[object, object]:
    """The content of a YAML file, first with typed values, then with every scalar as its text in the file.

    Names are taken from the text, because YAML 1.1 reads the names no, off, 01 and 1:30 as False, False, 1 and 90.
    Raises InputError with `remedy` for invalid YAML, a name given twice and deep nesting; FileNotFoundError.

    >>> import tempfile
    >>> with tempfile.NamedTemporaryFile(suffix=".yaml") as file:
    ...     _ = Path(file.name).write_text("names: [no, 01, 1:30]")
    ...     read_yaml(Path(file.name), "")
    ({'names': [False, 1, 90]}, {'names': ['no', '01', '1:30']})
    """
    from system.yaml_loader import StrictLoader, TextLoader

    data = read_file(path, MAX_YAML_BYTES)
    try:
        return load_yaml(data, StrictLoader), load_yaml(data, TextLoader)
    except ValueError as error:
        raise InputError(path, f"not valid YAML: {error}", remedy) from None


def read_yaml_options(path: Path, remedy: str) -> object:
    """Read a YAML file of options like `read_yaml`, but names are text and 1e-3 is a number.

    An empty file has no options. Raises InputError with `remedy`, also for a file that cannot be read.
    """
    from system.yaml_loader import OptionsLoader

    try:
        data = read_file(path, MAX_YAML_BYTES)
    except OSError as error:
        raise InputError(path, f"cannot be read ({error.strerror})", "check the path") from None
    try:
        values = load_yaml(data, OptionsLoader)
    except ValueError as error:
        raise InputError(path, str(error), remedy) from None
    return {} if values is None else values


def load_yaml(data: bytes, loader: "type[StrictLoader]") -> object:
    """The content of a YAML file, read by a loader of `system.yaml_loader`.

    Raises ValueError with the place and the problem.
    """
    import yaml

    try:
        return yaml.load(data, loader)  # noqa: S506 -- a SafeLoader
    except yaml.MarkedYAMLError as error:
        line = f"line {error.problem_mark.line + 1}: " if error.problem_mark else ""
        raise ValueError(f"{line}{error.problem}") from None
    except (yaml.YAMLError, RecursionError, ValueError, OverflowError) as error:  # OverflowError: \\UFFFFFFFF
        raise ValueError(f"not YAML: {' '.join(str(error).split())}") from None
