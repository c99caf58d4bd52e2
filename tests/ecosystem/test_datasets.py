"""Hugging Face datasets under fastload.DataLoader: the batches of torch's loader, and a place to go on from."""

from typing import Any

import datasets
import pytest
import torch
from datasets.distributed import split_dataset_by_node
from rows import seed_everything
from support.compare import assert_same
from torch.utils.data import DataLoader as TorchDataLoader

from fastload import DataLoader

KINDS = [DataLoader, TorchDataLoader]


def table(length: int = 22) -> datasets.Dataset:
    columns = {"index": list(range(length)), "text": [f"row {n}" for n in range(length)]}
    columns["vector"] = [[n / 7, n / 3] for n in range(length)]
    return datasets.Dataset.from_dict(columns)


def stream(shards: int, length: int = 22) -> datasets.IterableDataset:
    return table(length).to_iterable_dataset(num_shards=shards)


def flat(batches: list[Any]) -> list[int]:
    return [index for batch in batches for index in batch["index"].tolist()]


@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize("tensors", [None, "torch", "numpy"])
def test_rows_of_a_table(tensors: str | None, workers: int) -> None:
    seen = []
    for kind in KINDS:
        seed_everything()
        dataset = table().with_format(tensors)
        seen.append(list(kind(dataset, batch_size=4, shuffle=True, num_workers=workers)))
    assert_same(*seen)
    assert sorted(flat(seen[0])) == list(range(22))


def test_a_batch_of_rows_is_one_query(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Any] = []
    original = datasets.Dataset.__getitems__

    def noting(self: Any, keys: Any) -> Any:
        asked.append(list(keys))
        return original(self, keys)

    monkeypatch.setattr(datasets.Dataset, "__getitems__", noting)
    list(DataLoader(table(6), batch_size=4))
    assert asked == [[0, 1, 2, 3], [4, 5]]


@pytest.mark.parametrize("shards", [1, 2, 5])
@pytest.mark.parametrize("workers", [{}, {"num_workers": 2}, {"num_workers": 2, "persistent_workers": True}], ids=str)
@pytest.mark.filterwarnings("ignore:.*Too many dataloader workers")
def test_shards_of_a_stream_go_to_the_workers(workers: dict[str, Any], shards: int) -> None:
    seen = []
    for kind in KINDS:
        seed_everything()
        dataset = stream(shards).shuffle(seed=3, buffer_size=7).with_format("torch")
        loader = kind(dataset, batch_size=4, **workers)
        epochs = []
        for epoch in range(3):
            dataset.set_epoch(epoch)  # by shared memory, so that workers that live on see it
            epochs.append(list(loader))
        seen.append(epochs)
        del loader
    assert_same(*seen)
    for epoch in seen[0]:
        assert sorted(flat(epoch)) == list(range(22))
    assert flat(seen[0][0]) != flat(seen[0][1])


@pytest.mark.parametrize("workers", [{}, {"num_workers": 2}, {"num_workers": 2, "persistent_workers": True}], ids=str)
@pytest.mark.parametrize("every", [1, 2])
@pytest.mark.parametrize("steps", [1, 5, 6])
def test_a_stream_goes_on_from_where_it_says_it_was(workers: dict[str, Any], every: int, steps: int) -> None:
    def loader() -> Any:
        return DataLoader(stream(4), batch_size=4, snapshot_every_n_steps=every, **workers)

    whole = [batch["index"].tolist() for batch in loader()]
    assert len(whole) == 6
    first = loader()
    iterator = iter(first)
    begun = [next(iterator)["index"].tolist() for _ in range(steps)]
    assert begun == whole[:steps]
    state = first.state_dict()
    again = loader()
    again.load_state_dict(state)
    assert [batch["index"].tolist() for batch in again] == whole[steps:]


def test_ranks_and_workers_share_the_shards() -> None:
    rows = []
    for rank in range(2):
        part = split_dataset_by_node(stream(4), rank=rank, world_size=2)
        rows += flat(list(DataLoader(part, batch_size=4, num_workers=2)))
    assert sorted(rows) == list(range(22))


def test_text_made_into_tensors_on_the_way() -> None:
    def tokens(rows: dict[str, list[str]]) -> dict[str, list[torch.Tensor]]:
        return {"tokens": [torch.tensor([ord(letter) for letter in text[:5]]) for text in rows["text"]]}

    seen = [list(kind(table().with_transform(tokens), batch_size=4, num_workers=2)) for kind in KINDS]
    assert_same(*seen)
    assert seen[0][0]["tokens"].shape == (4, 5)
