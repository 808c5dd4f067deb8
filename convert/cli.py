"""The `convert` command: one subcommand per conversion."""

from typing import NoReturn

from convert import cli_coco, cli_labelme, cli_masks, cli_mvtec, cli_tables, cli_xml, cli_yolo
from system.console import new_app, run

app = new_app(
    "Convert between annotation formats; every conversion ends with a table of what it repaired and lost."
)
for module in (cli_mvtec, cli_labelme, cli_masks, cli_yolo, cli_xml, cli_tables, cli_coco):
    module.register(app)


def main() -> NoReturn:
    """Entry point of the console command."""
    run(app, "convert")


if __name__ == "__main__":
    main()
