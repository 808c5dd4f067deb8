"""The `datasets` command."""

from typing import NoReturn

from datasets.console import new_app, run

app = new_app("datasets")


def main() -> NoReturn:
    """Entry point of the console command."""
    run(app, "datasets")


if __name__ == "__main__":
    main()
