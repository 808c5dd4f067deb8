"""Refusals that `datasets check` does not state in the same words, each with the reason."""

from tests.refusal_cases.sites import Site

FORMATS = "datasets/formats/"
IMAGES = "datasets/images/"
REASONS: dict[str, tuple[Site, ...]] = {
    "The value of an option that check does not have: --labels": (
        "convert/labels.py: read_labels_file (1)",
        "convert/labels.py: read_labels_file (2)",
        "convert/labels.py: read_labels_file (3)",
        "convert/labels.py: make_categories",
    ),
    "The value of an option that check does not have: --images": (
        f"{FORMATS}coco_export.py: read_coco_export",
        f"{FORMATS}image_search.py: ImageSearch.__init__",
        f"{FORMATS}labelme_images.py: ImageFinder._check_folder",
        f"{FORMATS}labelme_images.py: ImageFinder._moved",
    ),
    "--exclude leaves nothing; check reads everything": (f"{FORMATS}mask_folders.py: pair_masks (1)",),
    "Only with --split original; without it the splits are made": (
        "convert/masks2coco.py: _split_by_list",
        "convert/trees.py: check_splits_named",
        "convert/split_assignment.py: split_by_folder",
    ),
    "Only with --crowd refuse; without it an ignore region is kept": ("convert/coco_instances.py: _crowd",),
    "Only --to roboflow joins folders and names, which makes these names equal": (
        "convert/coco_to_tool.py: _check_names",
    ),
    "Only with --min-area; a component has at least one pixel": ("convert/mask_instances.py: check_some_kept",),
    "Only with --unlabelled negative; without it check reports the image as unlabelled": (
        f"{FORMATS}labelme_folder.py: find_embedded_elsewhere",
    ),
    "Only with --annotation ground-truth, --image-key or --attribute": (
        f"{FORMATS}labelstudio.py: _choose",
        f"{FORMATS}labelstudio_names.py: image_value (1)",
        f"{FORMATS}via.py: _the_attribute (1)",
    ),
    "No conversion calls it: for commands that make images from others": (
        f"{FORMATS}made_images.py: check_none_made",
    ),
    "No conversion calls it: for folders of a run": ("system/links.py: check_own_folder",),
    "Images made for their type: right for a classifier, so check does not report them": (
        f"{FORMATS}made_images.py: check_have_places",
    ),
    "Only with --strict: the event is a loss, and check reports what causes it by a code of its own": (
        "convert/report.py: check_strict",
    ),
    "Sums up losses: check reports what causes each by a code of its own (zero-area, short-ring, outside-image)": (
        "convert/coco2yolo.py: _report",
    ),
    "The path on the command line does not exist or is of the wrong kind; check states so of its own path": (
        f"{FORMATS}coco_layout.py: find_coco_parts (1)",
        f"{FORMATS}csv_tables.py: _read_rows (1)",
        f"{FORMATS}cvat_xml.py: _list_files (1)",
        f"{FORMATS}labelme.py: read_json (1)",
        f"{FORMATS}labelme_images.py: list_tree",
        f"{FORMATS}layouts/registry.py: read_tree (1)",
        f"{FORMATS}voc.py: _list_xml (1)",
        f"{FORMATS}xml_elements.py: _XmlReader.run (5)",
        f"{FORMATS}yolo.py: read_description",
    ),
    "Nothing in the folder has the format of this conversion, so check recognises none and ends with status 2": (
        "convert/labelme_plan.py: plan_labelme",
        f"{FORMATS}coco_layout.py: find_coco_parts (2)",
        f"{FORMATS}cvat_xml.py: _list_files (2)",
        f"{FORMATS}labelstudio.py: _list_files",
        f"{FORMATS}layouts/registry.py: read_tree (2)",
        f"{FORMATS}via.py: _list_files",
        f"{FORMATS}voc.py: _list_xml (2)",
    ),
    "Only if the file disappears between listing and reading": (
        "convert/coco_source.py: CocoImage.file",
        f"{FORMATS}coco_file.py: _decode (1)",
        f"{FORMATS}yolo_data_yaml.py: read_data_yaml (1)",
    ),
    "The tests may run as root, who may read everything; both commands read images by this function": (
        f"{IMAGES}image_file.py: unreadable (2)",
    ),
    "More than a test should write (1 GiB, millions of elements); both commands read XML by this function": (
        f"{FORMATS}xml_elements.py: _XmlReader._check_unread",
        f"{FORMATS}xml_elements.py: _XmlReader._count",
        f"{FORMATS}xml_elements.py: _XmlReader.run (1)",
    ),
    "Pillow refuses a file without width or height first": (
        f"{IMAGES}decode_limit.py: check_decodable (1)",
        f"{IMAGES}image_file.py: _parse_by_pillow (1)",
    ),
    "The parser refuses such a file first": (
        f"{FORMATS}xml_elements.py: read_xml",
        f"{FORMATS}xml_elements.py: _XmlReader._refuse_entity",
    ),
    "Names are made relative before: only a training, which reads a dataset folder strictly, meets another": (
        f"{FORMATS}coco_file.py: _check_images (5)",
    ),
    "Refused by trainings and datasets split, which read a finished dataset folder; no conversion calls it": (
        f"{FORMATS}coco_file.py: _check_areas",
        f"{FORMATS}coco_file.py: check_run_lengths",
        f"{FORMATS}dataset_folder.py: _check_names (1)",
        f"{FORMATS}dataset_folder.py: _check_images (2)",
        f"{FORMATS}dataset_folder.py: load_dataset (1)",
        f"{FORMATS}dataset_folder.py: load_dataset (2)",
        f"{FORMATS}dataset_folder.py: _check_names (2)",
        f"{FORMATS}dataset_folder.py: Dataset.split",
        f"{FORMATS}dataset_folder.py: _check_images (1)",
        f"{FORMATS}dataset_folder.py: _check_images (3)",
        f"{IMAGES}pixels.py: check_size",
    ),
    "Reads predictions, which no conversion does": (
        f"{FORMATS}coco_results.py: check_masks (2)",
        f"{FORMATS}coco_results.py: check_masks (1)",
    ),
    "Reads a labelme file for editing, which only annotate does": (
        f"{FORMATS}labelme_document.py: read_document (1)",
        f"{FORMATS}labelme_document.py: read_document (2)",
    ),
    "A folder without a table has another format, or none": (f"{FORMATS}csv_tables.py: find_csv_table (1)",),
    "Reads files of runs, recipes and dataset.json, which no conversion does": (
        "system/json_file.py: read_json (3)",
        "system/json_file.py: read_json (1)",
        "system/json_file.py: read_json (4)",
        "system/json_file.py: read_json (2)",
        "system/yaml_file.py: read_yaml_options (1)",
        "system/yaml_file.py: read_yaml_options (2)",
    ),
    "Reads object storage, before any conversion begins": (
        "system/storage.py: check_versions",
        "system/storage.py: _check_names (1)",
        "system/storage.py: _check_names (2)",
        "system/storage_cache.py: Cache.copy",
        "system/storage_cache.py: Cache._download",
        "system/storage_upload.py: read_listing (1)",
        "system/storage_upload.py: read_listing (2)",
    ),
}
ALLOWED: dict[Site, str] = {site: reason for reason, listed in REASONS.items() for site in listed}
