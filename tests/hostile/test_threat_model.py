"""Every line of docs/security.md has a test: which ones, and that they exist."""

import ast
import re
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]
PAGE = TESTS.parent / "docs" / "security.md"

# The beginning of a row of the table, of a bullet or of a paragraph -> the tests of what it states.
COVERED: dict[str, list[str]] = {
    "| detector weights": ["hostile/test_checkpoints.py::test_a_payload_runs_in_no_way"],
    "| weights of the segmenter": [
        "hostile/test_received_runs.py::test_a_payload_in_any_file_of_weights_does_not_run",
        "hostile/test_received_runs.py::test_a_payload_in_pretrained_weights_does_not_run",
        "hostile/test_weights.py::test_weights_that_are_not_numbers_or_of_other_sizes_are_refused",
        "hostile/test_weights.py::test_pretrained_tensors_must_be_numbers",
        "fuzz/test_corpus.py::test_whatever_a_file_contains_is_read_or_refused",
    ],
    "| exported models": ["hostile/test_exports.py::test_a_damaged_export_is_one_line"],
    "| metadata of exported models": ["training/test_export_metadata.py::test_a_file_without_a_model_is_refused"],
    "| watched folders": [
        "training/test_unlabelled.py::test_a_link_out_of_the_folder_and_a_pipe_are_refused",
        "hostile/test_watched_folder.py::test_whatever_appears_is_reported_once_and_the_others_are_predicted",
        "training/test_watch.py::test_a_damaged_file_is_reported_once_and_predicted_when_it_is_replaced",
    ],
    "| runs that a fused run names": ["training/test_fuse.py::test_a_received_run_that_names_others_is_refused"],
    "| the scheduler of a Dask cluster": [
        "test_cluster.py::test_errors_come_back_whole",
        "test_cluster.py::test_another_version_on_a_worker_is_one_line",
        "test_cluster.py::test_a_process_other_than_a_scheduler_is_one_line",
    ],
    "| a URL in a run": ["training/test_stored_runs.py::test_commands_with_a_stored_run"],
    "| what is stored at a URL": ["system/test_storage.py::test_object_outside_the_folder"],
    "* Object storage is reached": [
        "system/test_storage.py::test_paths_do_not_import_fsspec",
        "system/test_storage.py::test_refused",
        "system/test_storage_s3.py::test_nothing_written_contains_the_credentials",
    ],
    "| run folders": [
        "hostile/test_damaged_files.py::test_a_yaml_bomb_is_one_error",
        "hostile/test_weights.py::test_an_unknown_task_never_becomes_the_name_of_a_module",
        "hostile/test_exports.py::test_a_received_run_writes_only_into_itself",
    ],
    "| recipes": ["hostile/test_checkpoints.py::test_only_the_command_line_trusts_and_not_a_recipe"],
    "| datasets and annotation files": [
        "hostile/test_damaged_files.py::test_a_damaged_mask_in_a_dataset_is_one_line"
    ],
    "| the current folder": ["hostile/test_current_folder.py::test_propose_and_view_run_no_module_of_the_folder"],
    "| the Python environment": ["hostile/test_current_folder.py::test_the_modules_of_this_test_would_run"],
    "An Ultralytics checkpoint is a pickle": ["hostile/test_checkpoints.py::test_a_payload_runs_in_no_way"],
    "* an architecture with unknown": [
        "hostile/test_checkpoints.py::test_an_architecture_runs_no_code_and_is_not_larger_than_its_weights"
    ],
    "* a model larger than": ["hostile/test_checkpoints.py::test_a_tensor_larger_than_its_data_is_refused"],
    "* compressed archives": [
        "hostile/test_checkpoints.py::test_a_compressed_bomb_is_refused_before_it_is_unpacked"
    ],
    "* values that are not": ["hostile/test_checkpoints.py::test_weights_that_are_not_numbers_are_refused"],
    "`train_det fit --trust-weights`": [
        "hostile/test_checkpoints.py::test_a_trusted_checkpoint_may_contain_other_classes"
    ],
    "Weights of the segmenter and of the classifier": [
        "hostile/test_weights.py::test_a_specification_of_a_large_model_takes_no_memory",
        "hostile/test_weights.py::test_a_specification_with_impossible_values_or_an_address_is_refused",
    ],
    "Weights of the anomaly detector": [
        "hostile/test_received_runs.py::test_damaged_weights_of_the_anomaly_detector_are_refused_as_a_run_and_as_a_good_map",
        "hostile/test_received_runs.py::test_a_good_map_must_be_a_run_of_the_anomaly_detector",
        "hostile/test_received_runs.py::test_a_state_that_does_not_fit_the_training_is_one_line",
    ],
    "A classifier with a fitted head": [
        "hostile/test_fitted_head.py::test_a_damaged_fitted_head_is_refused",
        "hostile/test_fitted_head.py::test_finite_weights_that_give_no_numbers_are_one_line",
    ],
    "Safetensors that list more": [
        "hostile/test_safetensors.py::test_a_list_of_too_many_tensors_is_never_opened",
        "hostile/test_safetensors.py::test_a_long_list_is_not_read",
        "hostile/test_safetensors.py::test_a_limit_of_memory_is_one_line",
        "hostile/test_safetensors.py::test_a_state_is_not_called_damaged_when_memory_is_short",
    ],
    "An exported model whose": [
        "hostile/test_exports.py::test_an_export_of_another_model_is_one_line",
        "training/test_export_record.py::test_predict_refuses_an_export_that_was_edited",
        "training/test_export_record.py::test_each_change_is_named",
    ],
    "Pretrained weights and resume": [
        "hostile/test_weights.py::test_a_compressed_bomb_of_pretrained_tensors_is_refused",
        "hostile/test_weights.py::test_a_resume_state_must_be_numbers",
        "hostile/test_stored_tensors.py::test_a_file_that_grows_is_refused_before_it_is_read",
        "hostile/test_stored_tensors.py::test_tensors_without_plain_values_are_refused",
        "hostile/test_stored_tensors.py::test_many_views_of_the_same_data_are_refused_before_their_values_are_looked_at",
        "hostile/test_stored_tensors.py::test_a_long_list_in_an_archive_is_not_read",
        "hostile/test_stored_tensors.py::test_a_bit_that_changed_on_the_disk_is_found",
        "hostile/test_stored_tensors.py::test_a_large_file_without_weights_is_not_read",
    ],
    "ONNX Runtime and OpenVINO": ["hostile/test_exports.py::test_a_damaged_export_is_one_line"],
    "An image of 875 kB": ["hostile/test_image_bombs.py::test_a_header_is_read_without_decoding"],
    "* Images of more than 256": [
        "hostile/test_image_bombs.py::test_predict_refuses_it",
        "hostile/test_image_bombs.py::test_the_limit_can_be_raised_and_lowered",
        "hostile/test_image_bombs.py::test_all_pages_of_a_mask_count_together",
    ],
    "* A mask must be as large": [
        "hostile/test_image_bombs.py::test_a_conversion_refuses_it_as_a_mask_and_as_an_image_that_is_decoded"
    ],
    "* Memory stays below 5 times": [
        "hostile/test_image_bombs.py::test_memory_is_a_small_multiple_of_the_images_own",
        "train_seg/test_segmenter.py::test_bands_of_rows_find_what_the_whole_image_does",
    ],
    "* A file of more than 64 MiB": [
        "hostile/test_large_files.py::test_a_large_file_without_an_image_is_not_read",
        "hostile/test_large_files.py::test_a_small_image_with_a_gigabyte_behind_it_is_not_read",
        "hostile/test_large_files.py::test_an_image_as_large_as_its_header_states_is_read",
    ],
    "* Only PNG, JPEG": ["hostile/test_image_bombs.py::test_a_format_that_starts_another_program_is_not_an_image"],
    "Cut an image above": ["train_seg/test_segmenter.py::test_bands_of_rows_find_what_the_whole_image_does"],
    "* A command never replaces": [
        "faults/test_destination.py::test_a_destination_that_appears_meanwhile_is_kept",
        "faults/test_destination.py::test_overwrite_replaces_only_the_folder_that_it_checked",
        "faults/test_destination.py::test_of_three_conversions_to_one_destination_one_wins",
    ],
    "* If a command is killed": [
        "convert/test_kill.py::test_the_next_conversion_removes_the_files_of_a_killed_one",
        "faults/test_destination.py::test_the_clean_up_leaves_a_folder_that_was_just_made",
        "faults/test_working_folder.py::test_what_a_killed_export_left_is_removed_by_the_next",
        "faults/test_surroundings.py::test_what_a_killed_command_left_with_a_time_in_the_future_is_removed",
    ],
    "* A single file has no name": [
        "system/test_unnamed_file.py::test_a_kill_before_the_file_has_a_name_leaves_nothing",
        "system/test_unnamed_file.py::test_the_next_write_removes_what_a_kill_before_the_renaming_left",
    ],
    "* Before a mask": ["hostile/test_damaged_files.py::test_a_large_mask_takes_no_memory_before_it_is_refused"],
    "* No data file of more than": [
        "hostile/test_large_files.py::test_a_command_refuses_a_file_of_4_gib",
        "hostile/test_large_files.py::test_a_limit_is_named_by_its_unit",
    ],
    "* JSON, YAML, CSV": [
        "hostile/test_special_files.py::test_a_pipe_or_a_device_is_refused",
        "hostile/test_damaged_files.py::test_references_in_a_run_are_not_read",
        "system/test_yaml_references.py::test_references_do_not_make_a_file_large",
        "hostile/test_yaml_values.py::test_a_value_is_refused_as_a_value_and_as_a_name",
    ],
    "* Commands that copy images": ["hostile/test_links.py::test_targets_of_links_are_not_passed_on"],
    "* A run is written only": [
        "hostile/test_linked_run_folders.py::test_evaluate_writes_no_predictions_through_a_link",
        "hostile/test_linked_run_folders.py::test_export_writes_nothing_through_a_link",
        "hostile/test_linked_run_folders.py::test_a_resumed_training_writes_nothing_through_a_link",
        "hostile/test_linked_run_folders.py::test_maps_and_exports_are_written_into_a_folder_of_their_own",
        "hostile/test_linked_run_folders.py::test_a_fold_or_seed_that_is_a_link_is_refused",
        "hostile/test_linked_run_folders.py::test_the_log_of_a_fold_is_not_written_through_a_link",
        "hostile/test_linked_run_folders.py::test_no_logger_writes_through_a_link",
    ],
    "* A page is passed on": [
        "hostile/test_links.py::test_a_page_contains_no_target_of_a_link",
        "hostile/test_links.py::test_a_page_of_a_run_contains_no_target_of_a_link",
        "hostile/test_links.py::test_links_to_folders_are_not_searched_but_reported",
        "hostile/test_received_maps.py::test_a_page_contains_no_other_file_than_maps",
    ],
    "* labelme and X-AnyLabeling": [
        "hostile/test_links.py::test_no_annotation_program_saves_to_the_target_of_a_link"
    ],
    "* One image file can be in": [
        "hostile/test_links.py::test_one_image_in_two_splits_by_two_spellings_is_refused",
        "hostile/test_links.py::test_one_image_in_two_splits_by_a_link_is_refused",
    ],
    "* An outline that crosses itself": [
        "datasets/masks/test_crossings.py::test_a_scribble_is_left_for_a_person",
        "datasets/check/test_many_annotations.py::test_of_too_many_overlaps_the_first_are_compared",
        "datasets/check/test_categories.py::test_many_names_are_compared_in_little_time",
    ],
    "* `--on` trusts": [
        "test_cluster.py::test_without_on_no_cluster_code_is_loaded",
        "test_cluster.py::test_encryption_is_that_of_the_configuration_of_dask",
    ],
    "* `--jobs` starts": ["hostile/test_damaged_files.py::test_the_number_of_processes_is_limited"],
    "* Only one process trains": [
        "faults/test_two_resumes.py::test_of_two_resumes_one_trains_and_the_other_is_one_line",
        "faults/test_two_resumes.py::test_the_fold_of_a_killed_cross_validation_ends",
        "faults/test_full_disk.py::test_a_training_out_of_space_keeps_its_last_state",
    ],
    "* If the disk": [
        "faults/test_full_disk.py::test_a_full_disk_is_one_line_and_leaves_nothing",
        "faults/test_full_disk.py::test_the_segmenter_needs_no_space_in_the_temporary_folder",
        "faults/test_full_disk.py::test_a_write_that_fails_is_one_line_without_a_small_disk",
    ],
    "Names of files and types": [
        "system/test_table.py::test_no_name_can_break_the_terminal",
        "annotate/test_x_anylabeling.py::test_a_list_that_is_not_text_is_one_line",
    ],
    "An expected error": [
        "faults/test_boundary.py::test_every_command_ends_in_one_line",
        "hostile/test_yaml_values.py::test_a_value_of_megabytes_is_quoted_in_part",
        "faults/test_boundary.py::test_the_traceback_is_shown_on_request",
    ],
    "Ctrl-C ends a command with": [
        "faults/test_interrupts.py::test_ctrl_c_while_a_command_is_imported_prints_nothing",
        "faults/test_interrupts.py::test_a_stopped_write_leaves_no_temporary_file",
        "faults/test_fit_interrupts.py::test_a_stopped_training_is_silent_and_can_be_resumed",
    ],
}
UNTESTED = ("People exchange runs", "`make lint` checks the code")  # the introduction, and the Makefile


def lines_of_the_page() -> list[str]:
    """Each row of the table, bullet and paragraph, as one line."""
    blocks = re.split(r"\n(?=\n|\||\* )", PAGE.read_text())
    lines = [" ".join(block.split()) for block in blocks]
    return [line for line in lines if line and not line.startswith(("#", "|---", "| received"))]


@pytest.mark.parametrize("line", lines_of_the_page(), ids=lambda line: line[:40])
def test_each_line_has_its_tests(line: str) -> None:
    if line.startswith(UNTESTED) or line.endswith(":"):
        return
    matching = [start for start in COVERED if line.startswith(start)]
    assert len(matching) == 1, line


@pytest.mark.parametrize("name", sorted({name for names in COVERED.values() for name in names}))
def test_the_tests_exist(name: str) -> None:
    file, _, function = name.partition("::")
    tree = ast.parse((TESTS / file).read_text())
    assert function in {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}


def test_no_line_of_the_list_is_obsolete() -> None:
    page = lines_of_the_page()
    assert [start for start in (*COVERED, *UNTESTED) if not any(line.startswith(start) for line in page)] == []
