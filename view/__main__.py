"""`python -m view` is the `view` command."""

from view.cli import main

main()
