"""The `view` command."""

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from system.console import print_status, progress, run
from system.errors import InputError, OptionError, OutputError
from system.json_output import report
from system.stored_path import FILE, READ, StoredPath
from system.stored_place import Role

if TYPE_CHECKING:
    from view.scene import Scene

VIEWED = StoredPath(Role.UPDATED, read_if="out")  # the page is in it, without --out
PNG_FLAG = "--contact-sheet FILE.png"
MAX_RUNS = 26  # each has a letter in the page

app = typer.Typer(pretty_exceptions_enable=False)


@app.command()
def view(
    target: Annotated[
        Path, typer.Argument(click_type=VIEWED, metavar="RUN|DATASET", help="A run folder or a dataset folder.")
    ],
    others: Annotated[
        list[Path] | None, typer.Argument(click_type=READ, metavar="[RUN_B...]", help="Runs to compare it with.")
    ] = None,
    split: Annotated[str, typer.Option(help="val or test; for a dataset also train or all.")] = "test",
    out: Annotated[
        Path | None, typer.Option(click_type=FILE, help="The HTML file to write.", show_default="RUN/view.html")
    ] = None,
    dataset: Annotated[
        Path | None, typer.Option(click_type=READ, help="Location of the run's dataset if it was moved.")
    ] = None,
    images: Annotated[
        Path | None, typer.Option(click_type=READ, metavar="DIR", help="Predict the images in DIR and show them.")
    ] = None,
    maps: Annotated[
        bool, typer.Option("--maps", help="Compute the score maps or heat maps that the run lacks, and show them.")
    ] = False,
    only: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Show only the images in this list of names, one per line."),
    ] = None,
    png: Annotated[Path | None, typer.Option(help="Also write overlay images into this new folder.")] = None,
    contact_sheet: Annotated[Path | None, typer.Option(help="Also write the worst cases as one PNG.")] = None,
    open_page: Annotated[bool, typer.Option("--open", help="Open the page in a browser.")] = False,
) -> None:
    """Write one HTML file that shows truth and predictions on every image of a split."""
    compared = others or []
    if only and not only.is_file():
        raise InputError(only, "no such file", "save the names of images in the page")
    page = out or default_out(target, *(compared or ([images] if images else [])))
    _check_destinations(page, png, contact_sheet, named=out is not None)
    if contact_sheet and images:
        raise _no_worst_cases()
    with TemporaryDirectory(prefix="defectline-maps-") as temporary:
        scene = _scene(target, compared, split, images, dataset, Path(temporary) / "maps" if maps else None)
        if only:
            from view.selection import only_listed

            scene = only_listed(scene, only)
        _write(page, scene, png, contact_sheet)
    if open_page:
        typer.launch(page.resolve().as_uri())


def _check_destinations(page: Path, png: Path | None, contact_sheet: Path | None, *, named: bool) -> None:
    """Raise an error for a destination that cannot be written, before anything is read; one not `named` later."""
    from system.files import check_destination, check_file_destination
    from view.page import check_page_name

    if named:
        check_page_name(page)
    if png:
        check_destination(png, overwrite=None)
    if contact_sheet:
        check_file_destination(contact_sheet, f"name a file with {PNG_FLAG}")
        if contact_sheet.suffix.lower() != ".png":
            raise OutputError(
                contact_sheet, "not the name of a PNG", f"name a file ending in .png with {PNG_FLAG}"
            )


def _no_worst_cases() -> OptionError:
    problem = "worst cases need truth and predictions"
    return OptionError("--contact-sheet", problem, "name a run, without --images")


def _scene(
    target: Path, others: list[Path], split: str, images: Path | None, dataset: Path | None, maps: Path | None
) -> "Scene":
    """What the page shows; with `maps`, a new folder for those of new images, also the maps that a run lacks."""
    from datasets.formats.dataset_folder import looks_like_dataset
    from view.maps import check_maps, with_maps
    from view.new_images import new_images_scene
    from view.scene import dataset_scene, run_scene

    is_dataset = looks_like_dataset(target)
    if target.is_dir() and not is_dataset and not (target / "config.yaml").exists():
        problem = "not a run folder (no config.yaml) and not a dataset folder (no annotations/instances_test.json)"
        mvtec = (target / "ground_truth").is_dir()
        remedy = f"convert mvtec2coco {target} OUT" if mvtec else "convert"
        raise InputError(target, problem, f"name a folder made by fit, or make a dataset with {remedy}")
    roots = [target, *others]
    if len(roots) > MAX_RUNS:
        raise OptionError(str(roots[MAX_RUNS]), f"more than {MAX_RUNS} runs", "name fewer runs")
    if maps and not is_dataset:
        check_maps(roots)
    if images:
        if others or is_dataset:
            raise OptionError(f"--images {images}", "needs exactly one run", "give view RUN --images DIR")
        return new_images_scene(target, images, dataset, maps)
    if is_dataset:
        if others:
            raise OptionError(str(others[0]), f"{target} is a dataset; only runs can be compared", "name runs")
        if maps:
            raise OptionError("--maps", f"{target} is a dataset", "name a run")
        return dataset_scene(target, split)
    return with_maps(run_scene(roots, split, dataset), compute=maps is not None)


def _write(page: Path, scene: "Scene", png: Path | None, contact_sheet: Path | None) -> None:
    from view.crops import render_all
    from view.page import check_folder, write_page

    report({"page": page, "images": len(scene.images), "png": png, "contact_sheet": contact_sheet})
    check_folder(page, scene)
    if contact_sheet and not (scene.models and scene.has_truth):
        raise _no_worst_cases()
    rendered = render_all(scene.images, [model.threshold for model in scene.models])
    write_page(page, scene, progress(rendered, "Images", len(scene.images)))
    print_status(f"{page}: {len(scene.images)} images, {page.stat().st_size / 1e6:.1f} MB")
    if png:
        _write_overlays(png, scene)
    if contact_sheet:
        _write_contact_sheet(contact_sheet, scene)


def _write_overlays(folder: Path, scene: "Scene") -> None:
    from system.files import new_folder
    from view.overlay import write_overlays

    with new_folder(folder, overwrite=None) as partial:
        count = write_overlays(partial, scene)
    print_status(f"{folder}: {count} overlay images")


def _write_contact_sheet(path: Path, scene: "Scene") -> None:
    from view.contact_sheet import write_contact_sheet

    path.parent.mkdir(parents=True, exist_ok=True)
    count = write_contact_sheet(path, scene)
    print_status(f"{path}: {count} worst cases")


def default_out(target: Path, *others: Path) -> Path:
    """The default page: in the folder `target`, with the names of the other folders shown."""
    return target / ("-".join(["view", *(other.resolve().name for other in others)]) + ".html")


def main() -> NoReturn:
    """Entry point of the console command."""
    run(app, "view")


if __name__ == "__main__":
    main()
