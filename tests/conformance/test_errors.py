"""Errors of user code: the same types and texts as torch's, at the failing batch's turn, and then on."""

import time
from collections.abc import Iterator
from typing import Any

import pytest
import torch
from support.datasets import Failing, Numbers, Raising, Shard, as_is
from support.loader import DataLoader, only_fastload
from torch.utils.data import Dataset, IterableDataset, get_worker_info


def text_of(error: BaseException) -> str:
    """The message and the notes, as a traceback prints them."""
    return "\n".join([str(error), *getattr(error, "__notes__", [])])


def raising(error: BaseException) -> Any:
    def action() -> None:
        raise error

    return action


@pytest.mark.parametrize("workers", [0, 1, 2])
def test_an_error_comes_at_its_batchs_turn_and_iteration_goes_on(workers: int) -> None:
    iterator = iter(DataLoader(Failing(8, bad=(3, 4)), batch_size=2, num_workers=workers))
    assert next(iterator).tolist() == [[0, 0], [1, 1]]
    for index in (3, 4):
        with pytest.raises(ValueError, match=f"bad sample {index}"):
            next(iterator)
    assert [batch.tolist() for batch in iterator] == [[[6, 6], [7, 7]]]


def test_an_error_in_a_worker_has_torchs_text_with_the_workers_traceback() -> None:
    iterator = iter(DataLoader(Failing(8, bad=(3,)), batch_size=2, num_workers=2))
    next(iterator)
    with pytest.raises(ValueError) as caught:  # noqa: PT011
        next(iterator)
    start = "Caught ValueError in DataLoader worker process 1.\nOriginal Traceback (most recent call last):\n"
    assert str(caught.value).startswith(start)
    assert 'raise ValueError(f"bad sample {index}")' in str(caught.value)
    assert "ValueError: bad sample 3" in str(caught.value)


def test_an_error_without_workers_is_the_very_exception() -> None:
    error = LookupError("the very one", 5)
    with pytest.raises(LookupError) as caught:
        next(iter(DataLoader(Raising(raising(error)))))
    assert caught.value is error
    assert caught.value.args == ("the very one", 5)


@only_fastload
@pytest.mark.parametrize("workers", [0, 2])
def test_an_error_names_the_dataset_index_and_its_place_in_the_batch(workers: int) -> None:
    batches = [[5, 6], [70, 81, 92]]
    iterator = iter(DataLoader(Failing(100, bad=(92,)), batch_sampler=batches, num_workers=workers))
    next(iterator)
    with pytest.raises(ValueError, match="bad sample 92") as caught:
        next(iterator)
    text = text_of(caught.value).replace("bad sample 92", "")
    assert "92" in text
    assert "2" in text.replace("92", "")


@only_fastload
@pytest.mark.parametrize("workers", [0, 1])
@pytest.mark.parametrize(("batch", "position"), [([7, 1, 2], 0), ([1, 7, 2], 1), ([1, 2, 7], 2)])
def test_any_place_in_a_batch_is_named(batch: list[int], position: int, workers: int) -> None:
    loader = DataLoader(Failing(9, bad=(7,)), batch_sampler=[batch], num_workers=workers)
    with pytest.raises(ValueError, match="bad sample 7") as caught:
        next(iter(loader))
    assert f"dataset index 7, position {position} in the batch" in text_of(caught.value)


@pytest.mark.parametrize("workers", [0, 1])
def test_a_key_error_prints_its_lines(workers: int) -> None:
    with pytest.raises(KeyError) as caught:
        next(iter(DataLoader(Raising(raising(KeyError("missing"))), num_workers=workers)))
    if workers:
        assert "\nOriginal Traceback (most recent call last):\n" in str(caught.value)
        assert "\\n" not in str(caught.value).splitlines()[0]
    assert "missing" in str(caught.value)


class WithMessage(Exception):
    """torch builds such a type with ``message=``."""

    message = "a default"

    def __init__(self, *, message: str) -> None:
        super().__init__(message)
        self.message = message


class OneOfAKind(Exception):
    pass


def test_an_own_type_and_one_that_takes_a_message_keep_their_type() -> None:
    for error, kind in ((OneOfAKind("x"), OneOfAKind), (WithMessage(message="x"), WithMessage)):
        with pytest.raises(kind, match=f"Caught {kind.__name__} in DataLoader worker process 0"):
            next(iter(DataLoader(Raising(raising(error)), num_workers=1)))


def test_unicode_and_chained_errors_show_whole() -> None:
    def action() -> None:
        try:
            raise OSError("größer: 图像.jpg")
        except OSError as error:
            raise RuntimeError("second") from error

    with pytest.raises(RuntimeError, match=r"(?s)größer: 图像.jpg.*direct cause.*second"):
        next(iter(DataLoader(Raising(action), num_workers=1)))


@pytest.mark.parametrize("workers", [0, 1])
def test_an_error_of_the_collate_function_is_treated_alike(workers: int) -> None:
    def collate(samples: list[Any]) -> int:
        if len(samples) == 1:
            raise ArithmeticError("no ones")
        return len(samples)

    iterator = iter(
        DataLoader(Numbers(5), batch_sampler=[[0, 1], [2], [3, 4]], collate_fn=collate, num_workers=workers)
    )
    assert next(iterator) == 2
    with pytest.raises(ArithmeticError, match="no ones"):
        next(iterator)
    assert list(iterator) == [2]


def never(samples: list[Any]) -> None:
    raise ArithmeticError("no batch")


@only_fastload
@pytest.mark.parametrize("workers", [0, 1])
def test_an_error_of_the_collate_function_blames_no_sample(workers: int) -> None:
    with pytest.raises(ArithmeticError, match="no batch") as caught:
        next(iter(DataLoader(Numbers(4), batch_size=2, collate_fn=never, num_workers=workers)))
    assert "dataset index" not in text_of(caught.value)


@pytest.mark.parametrize("workers", [0, 1])
def test_an_index_batch_that_is_none_after_a_bad_sample_blames_no_sample(workers: int) -> None:
    iterator = iter(DataLoader(Failing(9, bad=(1,)), batch_sampler=[[0, 1], 5, [2]], num_workers=workers))
    with pytest.raises(ValueError, match="bad sample 1"):
        next(iterator)
    with pytest.raises(TypeError, match="'int' object is not iterable") as caught:
        next(iterator)
    assert "position" not in text_of(caught.value)
    assert next(iterator).tolist() == [[2, 2]]


@pytest.mark.parametrize("workers", [0, 1])
@pytest.mark.parametrize("batch_size", [1, None])
def test_stop_iteration_of_a_map_dataset_ends_the_epoch_silently(batch_size: int | None, workers: int) -> None:
    class Ending(Numbers):
        def __getitem__(self, index: int) -> torch.Tensor:
            if index == 3:
                raise StopIteration
            return super().__getitem__(index)

    assert len(list(DataLoader(Ending(9), batch_size=batch_size, num_workers=workers))) == 3


def test_an_error_of_the_init_function_is_that_workers_first_batch() -> None:
    def init(worker_id: int) -> None:
        if worker_id == 1:
            raise OneOfAKind("cannot start")

    iterator = iter(DataLoader(Numbers(6), num_workers=2, worker_init_fn=init))
    assert next(iterator).tolist() == [[0, 0]]
    with pytest.raises(OneOfAKind, match=r"(?s)Caught OneOfAKind in DataLoader worker process 1.*cannot start"):
        next(iterator)
    assert next(iterator).tolist() == [[2, 2]]
    with pytest.raises(Exception, match="in DataLoader worker process 1"):
        next(iterator)


class NoStart(IterableDataset):
    def __iter__(self) -> Iterator[int]:
        info = get_worker_info()
        if info is None or info.id == 0:
            raise OneOfAKind("no iterator")
        return iter([1, 2])


@pytest.mark.parametrize("workers", [0, 1])
def test_an_error_of_iter_of_the_dataset_is_delivered(workers: int) -> None:
    with pytest.raises(OneOfAKind, match="no iterator"):
        next(iter(DataLoader(NoStart(), num_workers=workers)))


@pytest.mark.parametrize("workers", [0, 1])
def test_an_error_in_mid_stream_is_delivered(workers: int) -> None:
    class Breaking(Shard):
        def __iter__(self) -> Iterator[int]:
            yield 1
            raise OneOfAKind("broken off")

    iterator = iter(DataLoader(Breaking(2), num_workers=workers))
    assert next(iterator).tolist() == [1]
    with pytest.raises(OneOfAKind, match="broken off"):
        next(iterator)
    with pytest.raises(StopIteration):
        next(iterator)


class Gate(Dataset):
    """Item 1 waits until a file exists."""

    def __init__(self, path: Any) -> None:
        self.path = path

    def __len__(self) -> int:
        return 3

    def __getitem__(self, index: int) -> int:
        while index == 1 and not self.path.exists():
            time.sleep(0.01)
        return index


def test_a_timeout_has_torchs_text_and_a_later_try_succeeds(tmp_path: Any) -> None:
    path = tmp_path / "open"
    iterator = iter(DataLoader(Gate(path), num_workers=1, timeout=0.5, collate_fn=as_is))
    assert next(iterator) == [0]
    for _ in range(2):
        with pytest.raises(RuntimeError, match=r"^DataLoader timed out after 0\.5 seconds"):
            next(iterator)
    path.touch()
    time.sleep(0.2)
    assert list(iterator) == [[1], [2]]


def test_a_timeout_is_for_one_wait_and_not_for_the_time_between() -> None:
    iterator = iter(DataLoader(Numbers(3), num_workers=1, timeout=1, prefetch_factor=1))
    next(iterator)
    time.sleep(1.2)
    assert len(list(iterator)) == 2


@pytest.mark.parametrize("workers", [0, 1])
def test_a_sampler_that_fails_fails_in_the_callers_thread(workers: int) -> None:
    def batches() -> Iterator[list[int]]:
        yield [0]
        yield [1]
        raise OneOfAKind("the sampler")

    with pytest.raises(OneOfAKind, match=r"^the sampler$"):
        list(DataLoader(Numbers(4), batch_sampler=batches(), num_workers=workers))


@pytest.mark.parametrize("kind", [SystemExit, KeyboardInterrupt])
def test_without_workers_interrupts_pass_through(kind: type[BaseException]) -> None:
    with pytest.raises(kind):
        next(iter(DataLoader(Raising(raising(kind())))))


def test_an_exception_in_the_training_loop_leaves_nothing_behind() -> None:
    with pytest.raises(OneOfAKind, match=r"^mine$"):  # noqa: PT012
        for _ in DataLoader(Numbers(50), num_workers=2):
            raise OneOfAKind("mine")
