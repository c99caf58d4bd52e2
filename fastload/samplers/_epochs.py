"""Which epoch a sampler is in, whether the caller says so or not."""

from __future__ import annotations


class CountsEpochs:
    """For samplers whose order depends on ``epoch``.

    The loader calls `begin_epoch` once for each of its iterators, which moves on by one. A caller who calls
    `set_epoch`, as with torch's DistributedSampler, decides the epoch that begins next.
    """

    epoch: int = 0
    _begun = False

    def set_epoch(self, epoch: int) -> None:
        """Let the next iteration be that of ``epoch``."""
        self.epoch = epoch
        self._begun = False

    def begin_epoch(self) -> None:
        """An iteration begins: the epoch is the one that was set, or the next one."""
        if self._begun:
            self.epoch += 1
        self._begun = True

    @property
    def coming_epoch(self) -> int:
        """The epoch of the next iteration."""
        return self.epoch + self._begun

    def resume_epoch(self, epoch: int) -> None:
        """The iteration that begins goes on with ``epoch``."""
        self.epoch = epoch
        self._begun = True
