"""A drop-in replacement for torch's DataLoader: the same batches, several times the speed.

Everything public in `torch.utils.data` is here under the same name: torch's own object where fastload adds nothing.
"""

from torch.utils.data import (
    ChainDataset,
    ConcatDataset,
    DataChunk,
    Dataset,
    DFIterDataPipe,
    IterableDataset,
    IterDataPipe,
    MapDataPipe,
    Sampler,
    StackDataset,
    Subset,
    TensorDataset,
    argument_validation,
    default_convert,
    functional_datapipe,
    get_worker_info,
    guaranteed_datapipes_determinism,
    non_deterministic,
    random_split,
    runtime_validation,
    runtime_validation_disabled,
)

from fastload import datasets, io, samplers
from fastload._errors import CollateError, WorkerDiedError, WorkerError
from fastload._even import EvenBatches
from fastload._install import install, uninstall
from fastload._loader import DataLoader
from fastload._split import split_by_rank_and_worker
from fastload._stats import LoaderStats
from fastload.collate import DetectionCollate, default_collate, detection_collate, pad_collate
from fastload.datasets import ArrayDataset, SharedList
from fastload.samplers import (
    BatchSampler,
    DistributedSampler,
    RandomSampler,
    SequentialSampler,
    SubsetRandomSampler,
    WeightedRandomSampler,
)

__version__ = "0.1.0"

__all__ = [
    "ArrayDataset",
    "BatchSampler",
    "ChainDataset",
    "CollateError",
    "ConcatDataset",
    "DFIterDataPipe",
    "DataChunk",
    "DataLoader",
    "Dataset",
    "DetectionCollate",
    "DistributedSampler",
    "EvenBatches",
    "IterDataPipe",
    "IterableDataset",
    "LoaderStats",
    "MapDataPipe",
    "RandomSampler",
    "Sampler",
    "SequentialSampler",
    "SharedList",
    "StackDataset",
    "Subset",
    "SubsetRandomSampler",
    "TensorDataset",
    "WeightedRandomSampler",
    "WorkerDiedError",
    "WorkerError",
    "argument_validation",
    "datasets",
    "default_collate",
    "default_convert",
    "detection_collate",
    "functional_datapipe",
    "get_worker_info",
    "guaranteed_datapipes_determinism",
    "install",
    "io",
    "non_deterministic",
    "pad_collate",
    "random_split",
    "runtime_validation",
    "runtime_validation_disabled",
    "samplers",
    "split_by_rank_and_worker",
    "transforms",
    "uninstall",
]
