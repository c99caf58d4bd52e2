"""What an epoch has cost so far, and where."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass
class LoaderStats:
    """Counts and seconds of one epoch, the running or the last one.

    The seconds of fetch and collate are summed over the workers; those of transport and wait are the loader's own.
    """

    batches: int = 0  # delivered
    samples: int = 0  # in them
    skipped: int = 0  # left out by on_error="skip"
    replaced: int = 0  # by what on_error(index, exception) returned
    fetch_s: float = 0.0  # making samples: the dataset's own time
    collate_s: float = 0.0  # samples to batch
    transport_s: float = 0.0  # batch to message and back, pinning included
    wait_s: float = 0.0  # next() had nothing to deliver yet
    bytes_copied: int = 0  # to the device
    copy_s: float = 0.0  # of the device: those copies, and device_transform
    stall_s: float = 0.0  # of the device: the consumer's work stood waiting for them
    # Of fetch_s, in native image pipelines: "read", "decode", "resample", "finish".
    stages: dict[str, float] = field(default_factory=dict)
