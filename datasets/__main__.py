"""`python -m datasets` is the `datasets` command."""

from datasets.cli import main

main()
