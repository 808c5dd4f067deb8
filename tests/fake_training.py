"""`python -m tests.fake_training --resume FOLD`: four short epochs, each a line of epochs.txt, then metrics.json.

A line has the process id of the worker that started this process, and the epoch. fold-2 fails while the file
`broken` is beside it. After its first epoch, a fold waits while the file `hold` is in it.
"""

import os
import sys
import time
from pathlib import Path

from system.child_process import end_with_parent
from training.run_lock import hold

EPOCHS = 4
LINES = "epochs.txt"


def main() -> None:
    end_with_parent()
    fold = Path(sys.argv[sys.argv.index("--resume") + 1])
    hold(fold)
    if fold.name == "fold-2" and (fold.parent / "broken").exists():
        sys.exit("fold 2 is broken")
    path = fold / LINES
    done = len(path.read_text().splitlines()) if path.exists() else 0
    for epoch in range(done + 1, EPOCHS + 1):
        time.sleep(0.1)
        with path.open("a") as file:
            file.write(f"{worker} {epoch}\n")
        while epoch == 1 and (fold / "hold").exists():
            time.sleep(0.02)
    (fold / "metrics.json").write_text("{}")


if __name__ == "__main__":
    worker = os.getppid()
    main()
