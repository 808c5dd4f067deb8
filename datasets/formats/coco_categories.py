"""Join the categories of several COCO files by their names."""

from collections.abc import Sequence

import msgspec

from datasets.coco import Category, CocoFile
from datasets.formats.category_names import category_name
from datasets.formats.coco_layout import CocoPart
from datasets.formats.coco_repair import Repair

NO_SUPERCATEGORY = ("", "none")  # of the root category in Roboflow's files


def join_categories(
    files: Sequence[tuple[CocoPart, CocoFile]],
) -> tuple[list[Category], list[dict[int, int]], list[Repair]]:
    """Join the categories of all files: (categories, old id -> new id of each file, repairs).

    Ids are those of the first file; a name that only occurs in later files gets the next free id. Two categories
    with one `category_name` in a file are joined (`joined-category`). Files that number the names differently are
    matched by name (`category-order`). A category that only groups the others, such as Roboflow's category with
    id 0, is left out if it has no annotations (`root-category`).
    """
    categories: dict[str, Category] = {}
    ids: list[dict[int, int]] = []
    repairs: list[Repair] = []
    for part, coco in files:
        renumber: dict[int, int] = {}
        own: dict[str, int] = {}
        for category in sorted(coco.categories, key=lambda c: c.id):
            name = category_name(category.name)
            if name in own:
                value = f"{own[name]} and {category.id} are both called {name}"
                repairs.append(Repair(part.file.name, "$.categories", "joined-category", value))
            own.setdefault(name, category.id)
            if name not in categories:
                taken = {known.id for known in categories.values()}
                free = category.id if category.id not in taken else max(taken) + 1
                categories[name] = msgspec.structs.replace(category, id=free, name=name)
            elif own[name] == category.id != categories[name].id:
                value = f"{name} is {category.id}, elsewhere {categories[name].id}"
                repairs.append(Repair(part.file.name, "$.categories", "category-order", value))
            renumber[category.id] = categories[name].id
        ids.append(renumber)
    used = {new.get(a.category_id) for new, (_, coco) in zip(ids, files, strict=True) for a in coco.annotations}
    ordered = sorted(categories.values(), key=lambda c: c.id)
    groups = {c.supercategory for c in ordered if c.id in used}
    roots = [c for c in ordered if c.id not in used and c.name in groups and c.supercategory in NO_SUPERCATEGORY]
    repairs += [Repair("(dataset)", "$.categories", "root-category", f"{c.id} {c.name}") for c in roots]
    return [c for c in ordered if c not in roots], ids, repairs
