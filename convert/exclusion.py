"""What a conversion excluded (`--exclude`), for its report."""

from collections.abc import Sequence

from convert.report import Event
from system.errors import OptionError
from system.exclude import Excluder


def exclusion_events(exclude: Excluder, left: Sequence[object]) -> list[Event]:
    """An event for each excluded file, once all files are listed; `left` are the entries that are not excluded.

    Raises OptionError for a pattern that matched no file, and where nothing is left.
    """
    events = [Event(relative, "", "excluded", pattern) for relative, pattern in exclude.files()]
    if events and not left:
        raise OptionError(f"--exclude {events[0].value}", "leaves no labelled image", "correct the patterns")
    return events
