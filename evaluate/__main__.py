"""The `evaluate` command, on the console and as `python -m evaluate`."""

from system.startup import end_silently


def main() -> None:
    """Entry point of the console command."""
    end_silently()
    from evaluate.cli import main as run_command

    run_command()


if __name__ == "__main__":
    main()
