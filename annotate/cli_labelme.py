"""The commands around labelme itself: setup, init, open."""

import os
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from system.console import print_status, progress
from system.errors import InputError, OptionError
from system.json_output import report


class AnnotationProgram(StrEnum):
    """The program that opens a folder."""

    labelme = "labelme"
    x_anylabeling = "x-anylabeling"


Folder = Annotated[Path, typer.Argument(metavar="DIR", help="Folder of images and their labelme files.")]
LabelmePath = Annotated[
    Path | None,
    typer.Option("--labelme", metavar="PATH", help="The labelme to start (default: DEFECTLINE_LABELME)."),
]
Only = Annotated[
    str | None,
    typer.Option(
        metavar="NAME|LIST|GLOB",
        help="Only this image, the images of a list made by annotate queue, or those of a pattern.",
    ),
]


def register(app: typer.Typer) -> None:
    """Add the commands to `app`."""
    app.command("setup")(setup_command)
    app.command("init")(init_command)
    app.command("open")(open_command)


def setup_command(
    again: Annotated[bool, typer.Option("--again", help="Reinstall even if it is installed.")] = False,
) -> None:
    """Install a pinned version of labelme into its own Python environment."""
    from annotate.labelme_setup import setup_labelme

    labelme, version, made = setup_labelme(os.environ, progress, again=again)
    report({"labelme": labelme.path, "version": version, "installed": made})
    print_status(f"labelme {version} {'installed' if made else 'is already installed'}: {labelme.path}")


def init_command(
    folder: Folder,
    labels: Annotated[str, typer.Option(help="Defect types, separated by commas.")],
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace files with other content.")] = False,
) -> None:
    """Write labels.txt, flags.txt and labelme.yaml for a folder of images."""
    from annotate.project import init_project, parse_labels

    written = init_project(folder, parse_labels(labels), overwrite=overwrite)
    report({"files": written})
    for path in written:
        print_status(f"wrote {path}")


def open_command(
    folder: Folder,
    only: Only = None,
    in_order: Annotated[
        bool, typer.Option("--in-order", help="Open one image at a time, in the order of --only.")
    ] = False,
    program: Annotated[
        AnnotationProgram, typer.Option("--with", help="The program that opens the folder.")
    ] = AnnotationProgram.labelme,
    labelme: LabelmePath = None,
    x_anylabeling: Annotated[
        Path | None,
        typer.Option(
            "--x-anylabeling",
            metavar="PATH",
            help="The X-AnyLabeling to start (default: DEFECTLINE_X_ANYLABELING, or xanylabeling on the PATH).",
        ),
    ] = None,
) -> None:
    """Open a folder in labelme or X-AnyLabeling, with its labels, colours and flags."""
    given = {"--labelme": labelme, "--x-anylabeling": x_anylabeling}
    del given[f"--{program.value}"]
    for option, path in given.items():
        if path is not None:
            raise OptionError(f"{option} {path}", f"belongs to --with {option[2:]}", f"add --with {option[2:]}")
    if program is AnnotationProgram.x_anylabeling:
        _open_in_x_anylabeling(folder, only, x_anylabeling, in_order=in_order)
        return
    opened, found, version = open_folder(folder, only, labelme, in_order=in_order)
    report({"labelme": found, "version": version, "images": opened})


def _open_in_x_anylabeling(folder: Path, only: str | None, given: Path | None, *, in_order: bool) -> None:
    """Open the images that X-AnyLabeling shows correctly, and state which are left out and why."""
    from annotate.folder_images import check_label_links, choose_images, list_folder_images
    from annotate.labelme_program import check_screen, version_of_files
    from annotate.labelme_start import first_that_fit
    from annotate.x_anylabeling import (
        NAME,
        PACKAGE,
        find_x_anylabeling,
        images_it_shows,
        start_x_anylabeling,
        x_anylabeling_environ,
        x_anylabeling_version,
    )

    images = list_folder_images(folder)
    check_label_links(images)
    chosen = choose_images(only, images) if only else images
    program = find_x_anylabeling(given)
    check_screen(NAME)
    shown, reasons = images_it_shows(chosen)
    for name, reason in list(reasons.items())[:1]:
        if not shown:
            raise InputError(folder / name, reason, "open the folder in labelme")
        count = f"{len(reasons)} of {len(chosen)} images are left out"
        print_status(f"{count}, such as {name} ({reason}); open them in labelme")
    environ = x_anylabeling_environ()
    version = version_of_files(program.path, PACKAGE) or x_anylabeling_version(program, environ)
    print_status(f"{NAME} {version} by {program.found_by}: {program.path}")
    opened = shown
    if in_order:
        for number, image in enumerate(shown, 1):
            print_status(f"{number} of {len(shown)}: {image.name}")
            start_x_anylabeling(program, folder, [image], environ)
    elif len(shown) == len(images):
        start_x_anylabeling(program, folder, None, environ)
    else:
        opened = first_that_fit(shown)
        if len(opened) < len(shown):
            print_status(f"opening the first {len(opened)} of {len(shown)} images, the limit of {NAME}'s search")
        start_x_anylabeling(program, folder, opened, environ)
    names = [image.name for image in opened]
    report({"x_anylabeling": program.path, "version": version, "images": names, "left_out": list(reasons)})


def open_folder(
    folder: Path, only: str | None, labelme: Path | None, *, in_order: bool = False
) -> tuple[list[str], Path, str]:
    """Open a folder in labelme until its window is closed; returns the images, and labelme's path and version.

    labelme lists images by name. With `in_order`, each image is opened alone, the next when its window is closed.

    Raises InputError, LabelmeError.
    """
    from annotate.folder_images import check_label_links, choose_images, list_folder_images
    from annotate.labelme_program import (
        PACKAGE,
        check_screen,
        find_labelme,
        labelme_environ,
        labelme_version,
        version_of_files,
    )
    from annotate.labelme_start import first_that_fit, start_labelme

    images = list_folder_images(folder)
    check_label_links(images)
    chosen = choose_images(only, images) if only else None
    program = find_labelme(labelme)
    check_screen()
    environ = labelme_environ()
    version = version_of_files(program.path, PACKAGE) or labelme_version(program, environ)
    print_status(f"labelme {version} by {program.found_by}: {program.path}")
    if in_order:
        for number, image in enumerate(chosen or images, 1):
            print_status(f"{number} of {len(chosen or images)}: {image.name}")
            start_labelme(program, folder, [image], environ)
        return [image.name for image in chosen or images], program.path, version
    fitting = first_that_fit(chosen) if chosen else None
    if chosen and fitting and len(fitting) < len(chosen):
        print_status(f"opening the first {len(fitting)} of {len(chosen)} images, the limit of labelme's search")
    start_labelme(program, folder, fitting, environ)
    return [image.name for image in (fitting or images)], program.path, version
