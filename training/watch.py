"""`predict --watch DIR`: predict the images of a folder as they come, each once, until Ctrl-C."""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import msgspec

from datasets.coco import Prediction
from datasets.images.bit_depth import IntensityRange
from datasets.images.pixels import read_rgb
from system.console import print_status
from system.errors import InputError
from system.files import read_file
from system.interrupts import defer_signals
from system.json_output import report
from training.arrivals import Arrivals, state_of
from training.trainer import Predictor
from training.watch_file import WatchedImage, WatchFile, open_watch_file

POLL_MILLISECONDS = 200  # between two looks at files that are not complete
MAX_FILE_BYTES = 2**31  # 256 megapixels of four channels with 16 bits; a larger file would fill the memory
SCAN_EVERY = 50  # looks between two scans of the whole folder, for drives that report no changes

Counted = Callable[[list[Prediction]], list[Prediction]]


def watch_folder(
    predictor: Predictor,
    folder: Path,
    out: Path,
    min_score: float,
    intensities: Sequence[IntensityRange],
    counted: Counted = list,
    model: str = "",
) -> None:
    """Predict the images in `folder` and its sub-folders, and those that come, and append each to `out`.

    `counted` chooses the predictions to write, `model` is stated in each line. Ends with Ctrl-C, which never
    leaves half a line. Raises InputError if the folder is gone or `out` cannot be continued, OutputError if
    another program changes `out` meanwhile.
    """
    with open_watch_file(out) as results:
        folder = folder.resolve()  # as the paths of changes
        arrivals = Arrivals(folder)
        for known in results.lines:
            state = state_of(folder / known.file_name)
            unchanged = state and state[:2] == (known.size, known.modified) and state.changed <= results.written
            if state and unchanged:  # else its content is compared
                arrivals.finish(folder / known.file_name, state)
        done = failed = 0
        again = f", {len(results.lines)} images are in it" if results.lines else ""
        print_status(f"watching {folder}; results in {out}{again}; Ctrl-C ends it")
        try:
            for path, last in _ready_files(arrivals):
                line = _predicted(predictor, arrivals, path, results, min_score, intensities, counted, last=last)
                if line is None:
                    continue
                line = msgspec.structs.replace(line, model=model)
                with defer_signals():
                    results.add(line)
                    done, failed = done + (not line.error), failed + bool(line.error)
                    print_status(_describe(line))
        except KeyboardInterrupt:
            results.check_unchanged()
        finally:
            report({"file": out, "images": done, "unreadable": failed, "waiting": len(arrivals)})
            unreadable = f", {failed} unreadable" if failed else ""
            waiting = f", {len(arrivals)} waiting" if len(arrivals) else ""
            print_status(f"stopped: {done} images predicted{unreadable}{waiting}; results in {out}")


def _ready_files(arrivals: Arrivals) -> Iterator[tuple[Path, bool]]:
    """The files that are complete, without end, and whether it is the last try of each. Raises InputError."""
    from watchfiles import watch

    changes = watch(
        arrivals.folder, watch_filter=None, debounce=POLL_MILLISECONDS, rust_timeout=POLL_MILLISECONDS,
        yield_on_timeout=True, raise_interrupt=True,
    )  # fmt: skip
    try:
        for number, changed in enumerate(changes):
            if number % SCAN_EVERY == 0:
                arrivals.scan()
            for _, name in changed:
                arrivals.note(Path(name))
            for path, reason in arrivals.unusual():
                print_status(f"{path.relative_to(arrivals.folder)}: {reason}; it is left out")
            yield from arrivals.ready()
    except OSError as error:
        raise InputError(
            arrivals.folder, f"cannot be watched ({error.strerror or error})", "start it again"
        ) from None


def _predicted(
    predictor: Predictor,
    arrivals: Arrivals,
    path: Path,
    results: WatchFile,
    min_score: float,
    intensities: Sequence[IntensityRange],
    counted: Counted,
    *,
    last: bool,
) -> WatchedImage | None:
    """The line of a file; None if it is known, or not complete yet."""
    state, file_name = arrivals.state(path), path.relative_to(arrivals.folder).as_posix()
    number = results.next_id()
    if state.size > MAX_FILE_BYTES:
        arrivals.finish(path, state)
        return WatchedImage(number, file_name, *state[:2], error=f"of {state.size} bytes; up to 2 GiB are read")
    try:
        sha256 = hashlib.sha256(read_file(path)).hexdigest()
        if results.has(file_name, sha256):
            arrivals.finish(path, state)
            return None
        rgb = read_rgb(path, intensities)
    except (InputError, OSError) as error:
        if not last or state_of(path) != state:
            arrivals.postpone(path)
            return None
        arrivals.finish(path, state)
        problem = error.problem if isinstance(error, InputError) else str(error)
        return WatchedImage(number, file_name, *state[:2], error=problem)
    if state_of(path) != state:  # it changed while it was read
        return None
    arrivals.finish(path, state)
    (found,) = predictor.predict([(number, rgb)], min_score)
    height, width = rgb.shape[:2]
    return WatchedImage(number, file_name, *state[:2], sha256, width, height, counted(found))


def _describe(line: WatchedImage) -> str:
    if line.error:
        return f"{line.file_name}: {line.error}"
    best = max((prediction.score for prediction in line.predictions), default=0.0)
    return f"{line.file_name}: {len(line.predictions)} found" + (f", best score {best:.3f}" if best else "")
