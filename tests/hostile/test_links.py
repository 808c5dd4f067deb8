"""Links that lead out of a received folder, loops of links, and one image under two names."""

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from datasets.formats.dataset_folder import annotation_path, load_dataset
from datasets.images.image_file import find_images
from system.errors import InputError
from system.links import check_inside
from tests.command import only_line, run_command
from tests.view.fakes import make_dataset, make_run


@pytest.fixture
def dataset(coco_folder: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(coco_folder, tmp_path / "received" / "coco"))


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    path = tmp_path / "secret" / "mine.png"
    path.parent.mkdir()
    Image.fromarray(np.zeros((96, 96, 3), np.uint8)).save(path)
    return path


def link_out(dataset: Path, secret: Path, *, folder: bool) -> Path:
    """Make an image of the dataset, or the folder that it is in, a link to what is outside."""
    image = min((dataset / "images").rglob("*.png"))
    if folder:
        shutil.move(image.parent, secret.parent / "folder")
        image.parent.symlink_to(secret.parent / "folder")
    else:
        image.unlink()
        image.symlink_to(secret)
    return image


COPYING: dict[str, Callable[[Path, Path], list[object]]] = {
    "split": lambda source, out: ["datasets", "split", source, out],
    "folds": lambda source, out: ["datasets", "split", source, out, "--folds", 2],
    "paste": lambda source, out: ["datasets", "paste", source, out, "--count", 1],
    "coco2yolo": lambda source, out: ["convert", "coco2yolo", source, out],
    "coco2labelme": lambda source, out: ["convert", "coco2labelme", source, out],
    "coco2coco": lambda source, out: ["convert", "coco2coco", source, out],
    "coco2coco --to": lambda source, out: ["convert", "coco2coco", source, out, "--to", "cvat"],
}


@pytest.mark.parametrize("folder", [False, True])
@pytest.mark.parametrize("command", COPYING)
def test_targets_of_links_are_not_passed_on(
    command: str, folder: bool, dataset: Path, secret: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    link_out(dataset, secret, folder=folder)
    assert run_command(*COPYING[command](dataset, tmp_path / "out")) == 2
    assert "a link that points outside the folder" in only_line(capsys)
    assert not (tmp_path / "out").exists()


TREES: dict[str, Callable[[Path, Path], list[object]]] = {
    "mvtec2coco": lambda tree, out: ["convert", "mvtec2coco", tree, out],
    "masks2coco": lambda tree, out: [
        "convert", "masks2coco", tree / "test/contamination", tree / "ground_truth/contamination", out,
        "--pattern", "{stem}_mask", "--category", "a",
    ],
}  # fmt: skip


@pytest.mark.parametrize("command", TREES)
def test_a_link_in_a_tree_is_not_passed_on(
    command: str, tree: Path, secret: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    image = min((tree / "test/contamination").glob("*.png"))
    image.unlink()
    image.symlink_to(secret)
    assert run_command(*TREES[command](tree, tmp_path / "out")) == 2
    assert "a link that points outside the folder" in only_line(capsys)
    assert not (tmp_path / "out").exists()


def test_a_link_inside_the_folder_is_copied(dataset: Path, tmp_path: Path) -> None:
    image = min((dataset / "images").rglob("*.png"))
    kept = dataset / "kept.png"
    image.rename(kept)
    image.symlink_to(kept)
    assert run_command("datasets", "split", dataset, tmp_path / "out") == 0
    copied = tmp_path / "out" / image.relative_to(dataset)
    assert not copied.is_symlink()
    assert copied.read_bytes() == kept.read_bytes()


def test_a_folder_that_is_itself_reached_by_a_link_is_not_a_fault(dataset: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(dataset)
    for path in (dataset / "images", tmp_path / "link" / "images", dataset / "images" / "missing.png"):
        check_inside(path, [dataset])
        check_inside(path, [tmp_path / "link"])
    with pytest.raises(InputError, match="points outside"):
        check_inside(dataset.parent / "other.png", [dataset])


def test_a_loop_of_links_ends(dataset: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    (dataset / "images" / "loop").symlink_to(dataset / "images", target_is_directory=True)
    image = min((dataset / "images").rglob("*.png"))
    image.unlink()
    image.symlink_to(image)
    assert run_command("datasets", "check", dataset) == 1
    assert "-picture" in capsys.readouterr().out
    for words in (["datasets", "split", dataset, tmp_path / "out"], ["view", dataset, "--split", "all"]):
        assert run_command(*words) == 2
        only_line(capsys)


SPELLINGS: dict[str, Callable[[str], str]] = {
    "dot": lambda name: f"./{name}",
    "double slash": lambda name: name.replace("/", "//", 1),
    "inner dot": lambda name: name.replace("/", "/./", 1),
}


def also_in_test(dataset: Path, spelling: Callable[[str], str]) -> str:
    """List the first image of train in test, too, spelt in another way; returns its name."""
    train = json.loads(annotation_path(dataset, "train").read_text())
    test = json.loads(annotation_path(dataset, "test").read_text())
    listed = train["images"][0]
    test["images"].append({**listed, "id": 9999, "file_name": spelling(listed["file_name"])})
    annotation_path(dataset, "test").write_text(json.dumps(test))
    return str(listed["file_name"])


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_one_image_in_two_splits_by_two_spellings_is_refused(spelling: str, dataset: Path) -> None:
    name = also_in_test(dataset, SPELLINGS[spelling])
    with pytest.raises(InputError, match=f"(also in|is the same file as {name} in) train"):
        load_dataset(dataset)


def test_a_path_that_goes_up_is_refused_even_if_it_stays_inside(dataset: Path) -> None:
    also_in_test(dataset, lambda name: f"{name.split('/', maxsplit=1)[0]}/../{name}")
    with pytest.raises(InputError, match="points outside its folder"):
        load_dataset(dataset)


@pytest.mark.parametrize("link", [os.symlink, os.link])
def test_one_image_in_two_splits_by_a_link_is_refused(link: Callable[[Path, Path], None], dataset: Path) -> None:
    name = also_in_test(dataset, lambda _: "other.png")
    link(dataset / "images" / name, dataset / "images" / "other.png")
    with pytest.raises(InputError, match=f"other.png is the same file as {name} in train"):
        load_dataset(dataset)


def test_names_that_differ_in_case_are_two_images_if_the_file_system_separates_them(dataset: Path) -> None:
    name = also_in_test(dataset, str.upper)
    shutil.copyfile(dataset / "images" / name, dataset / "images" / "COPY.png")
    (dataset / "images" / name.upper()).parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(dataset / "images" / name, dataset / "images" / name.upper())
    assert len(load_dataset(dataset).splits) == 3


@pytest.mark.parametrize("folder", [False, True])
def test_a_page_contains_no_target_of_a_link(
    folder: bool, dataset: Path, secret: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    link_out(dataset, secret, folder=folder)
    assert run_command("view", dataset, "--split", "all", "--out", tmp_path / "page.html") == 2
    assert "a link that points outside the folder" in only_line(capsys)
    assert not (tmp_path / "page.html").exists()


def test_a_page_of_a_run_contains_no_target_of_a_link(
    secret: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    dataset = make_dataset(tmp_path / "data", images=6)
    run = make_run(tmp_path / "runs", dataset)
    name = load_dataset(dataset).images("test")[0].file_name
    (dataset / "images" / name).unlink()
    (dataset / "images" / name).symlink_to(secret)
    new = tmp_path / "new"
    new.mkdir()
    (new / "a.png").symlink_to(secret)
    for words in ([], ["--images", new]):
        assert run_command("view", run, *words, "--out", tmp_path / "page.html") == 2
        assert "a link that points outside the folder" in only_line(capsys)
        assert not (tmp_path / "page.html").exists()


def test_links_to_folders_are_not_searched_but_reported(
    secret: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    image = tmp_path / "images" / "a.png"
    image.parent.mkdir()
    shutil.copy(secret, image)
    (image.parent / "more").symlink_to(secret.parent)
    assert find_images([image.parent]) == [image]
    printed = capsys.readouterr().err.splitlines()
    more = image.parent / "more"
    assert printed == [f"{more}: a link to a folder, whose images are left out; name it to include them"]
    assert find_images([image.parent, more]) == [image, more / "mine.png"]


@pytest.mark.parametrize("program", ["labelme", "x-anylabeling"])
@pytest.mark.parametrize("exists", [False, True])
def test_no_annotation_program_saves_to_the_target_of_a_link(
    program: str, exists: bool, secret: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is started in neither case: the error comes before the program is looked for."""
    folder, target = tmp_path / "labels", secret.with_suffix(".conf")
    folder.mkdir()
    shutil.copy(secret, folder / "a.png")
    (folder / "a.json").symlink_to(target)
    if exists:
        target.write_text("{}")
    assert run_command("annotate", "open", folder, "--with", program) == 2
    assert "a link that points outside the folder" in only_line(capsys)
    assert target.exists() == exists
