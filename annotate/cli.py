"""The `annotate` command."""

from typing import NoReturn

from datasets.console import new_app, run

app = new_app("annotate")


def main() -> NoReturn:
    """Entry point of the console command."""
    run(app, "annotate")


if __name__ == "__main__":
    main()
