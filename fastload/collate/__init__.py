"""Samples to batches, in C++."""

from fastload.collate._default import collates_as_torch, default_collate, has_users_rules, is_default, stack_into_slots
from fastload.collate._detection import DetectionCollate, detection_collate
from fastload.collate._pad import pad_collate

__all__ = [
    "DetectionCollate",
    "collates_as_torch",
    "default_collate",
    "detection_collate",
    "has_users_rules",
    "is_default",
    "pad_collate",
    "stack_into_slots",
]
