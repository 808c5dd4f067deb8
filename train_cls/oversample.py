"""`train_cls oversample`: new training images for types with few images."""

from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from system.errors import OptionError
from training import flags as flag

DEFAULT_IMGSZ = 224  # pixels, of the images that smote makes
MAX_IMGSZ = 4096


class MethodOption(StrEnum):
    """The method that makes new images."""

    DEEPSMOTE = "deepsmote"
    SMOTE = "smote"
    PASTE = "paste"


# The flags that only one method accepts.
METHOD_FLAGS: Mapping[str, MethodOption] = {
    "codec_imgsz": MethodOption.DEEPSMOTE,
    "codec_steps": MethodOption.DEEPSMOTE,
    "imgsz": MethodOption.SMOTE,
}


def oversample(
    dataset: flag.DatasetPath,
    dest: Annotated[Path, typer.Argument(metavar="DEST", help="The new dataset folder.")],
    per_type: Annotated[int, typer.Option(help="Training images that each type with fewer has afterwards.")],
    method: Annotated[
        MethodOption,
        typer.Option(
            help="deepsmote: mix two images of a type in the codes of an autoencoder. smote: mix their pixels. "
            "paste: defects on good images, as datasets paste."
        ),
    ] = MethodOption.DEEPSMOTE,
    codec_imgsz: Annotated[
        int | None, typer.Option(help="Side of the images of deepsmote in pixels [default: 64].")
    ] = None,
    codec_steps: Annotated[int | None, typer.Option(help="Training steps of deepsmote [default: 1000].")] = None,
    imgsz: Annotated[
        int | None, typer.Option(help=f"Side of the images of smote in pixels [default: {DEFAULT_IMGSZ}].")
    ] = None,
    seed: Annotated[int, typer.Option(help="The same seed gives the same images on a CPU.")] = 0,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace a destination that defectline wrote.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print the table, but write nothing.")] = False,
) -> None:
    """Add new images of types with few, made only from the train split; a contact sheet shows them."""
    from system.console import print_status, print_table
    from system.json_output import report
    from train_cls.options import DeepSmoteOptions
    from training.options import options_from_flags

    given = {"codec_imgsz": codec_imgsz, "codec_steps": codec_steps, "imgsz": imgsz}
    chosen = {name: value for name, value in given.items() if value is not None}
    check_flags_of_method(chosen, method)
    if per_type < 1:
        raise OptionError(f"--per-type {per_type}", "not a number of images", "give 1 or more")
    if imgsz is not None and not 8 <= imgsz <= MAX_IMGSZ:
        raise OptionError(f"--imgsz {imgsz}", "not a side in pixels", f"give 8 to {MAX_IMGSZ}")
    chosen.pop("imgsz", None)
    options = options_from_flags(DeepSmoteOptions, {}, chosen)
    from train_cls.oversample_dataset import oversample_dataset, paste_per_type

    if method is MethodOption.PASTE:
        made = paste_per_type(dataset, dest, per_type=per_type, seed=seed, overwrite=overwrite, dry_run=dry_run)
    else:
        deep = method is MethodOption.DEEPSMOTE
        made = oversample_dataset(
            dataset,
            dest,
            method="deepsmote" if deep else "smote",
            per_type=per_type,
            imgsz=options.codec_imgsz if deep else imgsz or DEFAULT_IMGSZ,
            options=options,
            seed=seed,
            overwrite=overwrite,
            dry_run=dry_run,
        )
    for line in made.notes:
        print_status(line)
    report({"folder": dest, "dry_run": dry_run, "types": made})
    title = f"{dest} (dry run, nothing written)" if dry_run else str(dest)
    rows = [(name, count, made.made.get(name, 0)) for name, count in made.before.items()]
    print_table(title, ("training images", "before", "new"), rows)


def check_flags_of_method(flags: Mapping[str, int], method: MethodOption) -> None:
    """Raise OptionError for a flag that is for another method."""
    for name, value in flags.items():
        if METHOD_FLAGS[name] is not method:
            given = f"--{name.replace('_', '-')} {value}"
            raise OptionError(given, f"is for --method {METHOD_FLAGS[name].value} only", "leave it out")
