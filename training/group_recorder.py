"""The recorder of the processes that do not lead: they follow the decisions of the first one and write nothing."""

from collections.abc import Callable

from training.device_group import DeviceGroup
from training.early_stopping import Best
from training.epoch_recorder import Decision, EpochRecorder


class FollowingRecorder(EpochRecorder):
    """Waits at the end of each epoch for what the process that leads decides."""

    def __init__(self, group: DeviceGroup) -> None:
        self.rows = []
        self.best = Best()
        self._follows = group

    def batch(self) -> None:
        """Nothing is shown."""

    def epoch(
        self,
        row: dict[str, float],
        monitored: float | None,  # noqa: ARG002
        save_best: Callable[[], None],  # noqa: ARG002
        save_state: Callable[[], None],
    ) -> bool:
        """Take part in storing the state, and return whether the epoch is the last one."""
        self.rows.append(row)
        while (word := self._follows.word()) == Decision.SAVE:
            save_state()
        return word == Decision.END
