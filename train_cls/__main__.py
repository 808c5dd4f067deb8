"""`python -m train_cls` is the `train_cls` command."""

from train_cls.cli import main

main()
