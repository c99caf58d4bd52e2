"""torch's samplers in torch's order at any scale, and more.

Those with torch's names take torch's arguments and give torch's indices, drawn from the same generators at the same
time, as arrays in place of Python lists. A loader sees samplers of torch's own types the same way.
"""

from torch.utils.data import Sampler

from fastload.samplers._batch import BatchSampler
from fastload.samplers._class_balanced import ClassBalancedSampler
from fastload.samplers._distributed import DistributedBatchSampler, DistributedSampler
from fastload.samplers._infinite import InfiniteSampler
from fastload.samplers._length_grouped import LengthGroupedBatchSampler
from fastload.samplers._order import ArrayBatchSampler, ArraySampler, Batches, Order
from fastload.samplers._random import RandomSampler
from fastload.samplers._repeated_augmentation import RepeatedAugmentationSampler
from fastload.samplers._sequential import SequentialSampler
from fastload.samplers._subset import SubsetRandomSampler
from fastload.samplers._weighted import WeightedRandomSampler

__all__ = [
    "ArrayBatchSampler",
    "ArraySampler",
    "BatchSampler",
    "Batches",
    "ClassBalancedSampler",
    "DistributedBatchSampler",
    "DistributedSampler",
    "InfiniteSampler",
    "LengthGroupedBatchSampler",
    "Order",
    "RandomSampler",
    "RepeatedAugmentationSampler",
    "Sampler",
    "SequentialSampler",
    "SubsetRandomSampler",
    "WeightedRandomSampler",
]
