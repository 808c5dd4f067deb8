"""The `annotate` command."""

from typing import NoReturn

from annotate import cli_correct, cli_export, cli_labelme, cli_propose, cli_review
from system.console import new_app, run

app = new_app("Label images with labelme: set it up, propose shapes, check, compare and merge labels.")
for _module in (cli_labelme, cli_propose, cli_review, cli_correct, cli_export):
    _module.register(app)


def main() -> NoReturn:
    """Entry point of the console command."""
    run(app, "annotate")


if __name__ == "__main__":
    main()
