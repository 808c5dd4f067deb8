"""Names of images that are ambiguous, and names of categories that differ only in case."""

from collections.abc import Sequence

from convert.conversion import S
from convert.faults import Fault, Faults
from convert.report import Event
from datasets.coco import Category
from datasets.formats.category_names import NO_DEFECT, names_of_other_case
from datasets.formats.file_names import find_ambiguous_names


def with_distinct_names(sources: Sequence[S], faults: Faults) -> list[S]:
    """The sources without those whose names are ambiguous, each of which is added to `faults` as a pair.

    See `find_ambiguous_names`. Raises InputError when the limit of faults is reached.
    """
    ambiguous = list(find_ambiguous_names(source.file_name for source in sources))
    faults.add_all([Fault(str(error.where), error) for _, error in ambiguous])
    left_out = {name for other, error in ambiguous for name in (other, str(error.where))}
    return [source for source in sources if source.file_name not in left_out]


def category_events(categories: Sequence[Category]) -> list[Event]:
    """A note for each group of names that differ only in case, and for each name that means no defect."""
    names = [category.name for category in categories]
    similar = [" and ".join(group) for group in names_of_other_case(names)]
    odd = [name for name in names if name.casefold() in NO_DEFECT]
    return [
        *(Event("(dataset)", "", "similar-categories", value) for value in similar),
        *(Event("(dataset)", "", "category-of-no-defect", name) for name in odd),
    ]
