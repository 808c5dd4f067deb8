import os
import subprocess
import sys

import pytest

CODE = """
import os, sys
import datasets.cli
datasets.cli.main = lambda: print(os.environ.get("OPENBLAS_NUM_THREADS"), "numpy" in sys.modules)
from datasets.__main__ import main
main()
"""


@pytest.mark.parametrize(("given", "wanted"), [(None, "1"), ("3", "3")])
def test_a_command_starts_no_blas_threads_unless_asked(given: str | None, wanted: str) -> None:
    environment = {k: v for k, v in os.environ.items() if k != "OPENBLAS_NUM_THREADS"}
    environment |= {"OPENBLAS_NUM_THREADS": given} if given else {}
    done = subprocess.run(
        [sys.executable, "-c", CODE], env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == [wanted, "False"]
