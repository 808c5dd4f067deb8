from pathlib import Path

import msgspec
import pytest

from annotate.cli_propose import _prepare
from annotate.project import init_project, label_colours, labelme_config, parse_labels, read_labels_of
from datasets.formats.dataset_folder import load_dataset
from system.errors import InputError, OptionError, OutputError
from tests.command import only_line, run_command


def test_labels_are_split_and_trimmed() -> None:
    assert parse_labels("scratch, dent,größe") == ["scratch", "dent", "größe"]


@pytest.mark.parametrize("text", ["", "a,,b", "a,b,a", "a,b\x07", "a,good", "unreviewed"])
def test_labels_that_cannot_be(text: str) -> None:
    with pytest.raises(OptionError):
        parse_labels(text)


def test_colours_are_those_of_the_pixel_masks_whatever_the_order() -> None:
    # ids are alphabetical; the palette starts with black for the background
    assert label_colours(["dent", "chip"]) == {"chip": (230, 159, 0), "dent": (86, 180, 233)}
    assert label_colours(["chip", "dent"]) == label_colours(["dent", "chip"])


def test_many_labels_have_different_colours() -> None:
    colours = label_colours([f"type{i:02d}" for i in range(40)])
    assert len(set(colours.values())) == 40
    assert all(0 <= v <= 255 for colour in colours.values() for v in colour)


def test_configuration_asks_for_exact_labels_and_the_flag_of_proposals() -> None:
    config = labelme_config(["dent"])
    assert config["validate_label"] == "exact"
    assert config["label_colors"] == {"dent": [230, 159, 0]}
    assert config["label_flags"] == {".*": ["unreviewed"]}


def test_three_files_are_written_and_the_same_again_changes_nothing(tmp_path: Path) -> None:
    for _ in range(2):
        assert [p.name for p in init_project(tmp_path, ["dent", "chip"], overwrite=False)] == [
            "labels.txt",
            "flags.txt",
            "labelme.yaml",
        ]
    assert (tmp_path / "labels.txt").read_text() == "dent\nchip\n"
    assert (tmp_path / "flags.txt").read_text() == "good\nuncertain\nreject\n"
    assert msgspec.yaml.decode((tmp_path / "labelme.yaml").read_bytes()) == labelme_config(["dent", "chip"])
    assert read_labels_of(tmp_path) == ["dent", "chip"]


def test_other_labels_are_refused_and_nothing_is_written(tmp_path: Path) -> None:
    init_project(tmp_path, ["dent"], overwrite=False)
    before = {p.name: p.read_bytes() for p in tmp_path.iterdir()}
    with pytest.raises(OutputError, match=r"labels\.txt: exists with other content"):
        init_project(tmp_path, ["chip"], overwrite=False)
    assert {p.name: p.read_bytes() for p in tmp_path.iterdir()} == before
    init_project(tmp_path, ["chip"], overwrite=True)
    assert read_labels_of(tmp_path) == ["chip"]


def test_labels_of_a_folder_without_any(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="run annotate init"):
        read_labels_of(tmp_path)
    (tmp_path / "labels.txt").write_text("__ignore__\n")
    with pytest.raises(InputError, match="has no label"):
        read_labels_of(tmp_path)


def test_command_in_a_missing_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command("annotate", "init", tmp_path / "absent", "--labels", "a") == 2
    assert "no such folder; name the folder of the images" in only_line(capsys)


def test_command_in_a_folder_that_is_read_only(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(path: Path, data: bytes) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr("annotate.project.write_atomic", refuse)  # root may write anywhere, so chmod has no effect
    assert run_command("annotate", "init", tmp_path, "--labels", "a") == 2
    assert "permission denied" in only_line(capsys)


def test_a_folder_takes_labels_colours_and_flags_from_the_dataset_of_a_run(
    coco_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = tmp_path / "run"
    run.mkdir()
    (run / "config.yaml").write_text(f"kind: det\ndataset: {coco_folder}\noptions: {{}}\n")
    root = tmp_path / "images"
    root.mkdir()
    _prepare(root, run, None)
    names = [category.name for category in load_dataset(coco_folder).categories]
    assert (root / "labels.txt").read_text().split() == names
    assert read_labels_of(root) == names
    assert (root / "flags.txt").is_file()
    assert (root / "labelme.yaml").is_file()
    assert "gets the labels, colours and flags of the dataset" in capsys.readouterr().err
    (root / "labels.txt").write_text("own\n")
    _prepare(root, run, None)
    assert (root / "labels.txt").read_text() == "own\n"
    assert capsys.readouterr().err == ""
