"""Arguments, attributes and guards are torch's."""

import copy
import inspect
import pickle
import warnings
from typing import Any

import pytest
import torch
from support.datasets import Numbers, Shard
from support.loader import (
    DataLoader,
    TorchDataLoader,
    torchs_half_built_iterators_complain,
)
from torch.utils.data import (
    BatchSampler,
    RandomSampler,
    SequentialSampler,
    default_collate,
    default_convert,
)

PARAMETERS = inspect.signature(DataLoader.__init__).parameters
NAMED = {name for name, parameter in PARAMETERS.items() if parameter.kind is not parameter.VAR_KEYWORD}
EXTRAS = NAMED - set(inspect.signature(TorchDataLoader.__init__).parameters)


class SizedShard(Shard):
    def __len__(self) -> int:
        return sum(self.lengths)


def test_it_is_a_subclass_of_torchs_loader_and_takes_a_type_argument() -> None:
    assert issubclass(DataLoader, TorchDataLoader)
    assert DataLoader[int] is not None
    assert "__slots__" not in vars(DataLoader)
    assert type(DataLoader) is type(TorchDataLoader)


def test_torchs_arguments_come_first_in_torchs_order_with_torchs_defaults() -> None:
    ours = inspect.signature(DataLoader.__init__).parameters
    theirs = inspect.signature(TorchDataLoader.__init__).parameters
    positional = [name for name, p in theirs.items() if p.kind is p.POSITIONAL_OR_KEYWORD]
    assert [name for name, p in ours.items() if p.kind is p.POSITIONAL_OR_KEYWORD] == positional
    for name, parameter in theirs.items():
        assert ours[name].kind is parameter.kind
        assert ours[name].default == parameter.default


def test_thirteen_arguments_may_be_positional() -> None:
    loader = DataLoader(Numbers(8), 2, False, None, None, 0, default_collate, False, True, 0, None, None, None)
    assert [batch.tolist() for batch in loader][1] == [[2, 2], [3, 3]]


BAD_ARGUMENTS: list[dict[str, Any]] = [
    {"num_workers": -1},
    {"num_workers": -1, "timeout": -1},
    {"timeout": -1},
    {"timeout": -1, "prefetch_factor": 2},
    {"prefetch_factor": 2},
    {"prefetch_factor": -1, "num_workers": 1},
    {"persistent_workers": True},
    {"sampler": [0], "shuffle": True},
    {"batch_sampler": [[0]], "batch_size": 2},
    {"batch_sampler": [[0]], "shuffle": True},
    {"batch_sampler": [[0]], "sampler": [0]},
    {"batch_sampler": [[0]], "drop_last": True},
    {"batch_size": None, "drop_last": True},
    {"batch_size": 0},
    {"batch_size": 1.5},
    {"multiprocessing_context": "fork"},
    {"multiprocessing_context": "teleport", "num_workers": 1},
    {"multiprocessing_context": 3, "num_workers": 1},
    {"unknown": 1},
]


def outcome(loader_class: Any, dataset: Any, arguments: dict[str, Any]) -> tuple[str, str]:
    try:
        loader_class(dataset, **arguments)
    except Exception as error:
        return type(error).__name__, str(error)
    return "nothing", ""


@pytest.mark.parametrize("arguments", BAD_ARGUMENTS, ids=str)
def test_a_bad_argument_gets_torchs_error(arguments: dict[str, Any]) -> None:
    ours = outcome(DataLoader, Numbers(4), arguments)
    theirs = outcome(TorchDataLoader, Numbers(4), arguments)
    assert ours[0] == theirs[0] != "nothing"
    if "unknown" in arguments:
        assert "unknown" in ours[1]
    else:
        assert ours[1] == theirs[1]


@pytest.mark.parametrize(
    "arguments",
    [{"shuffle": True}, {"sampler": [0]}, {"batch_sampler": [[0]]}, {"shuffle": True, "sampler": [0]}],
    ids=str,
)
def test_a_stream_takes_no_sampler(arguments: dict[str, Any]) -> None:
    ours = outcome(DataLoader, Shard(3), arguments)
    assert ours == outcome(TorchDataLoader, Shard(3), arguments)
    assert ours[0] == "ValueError"
    assert ours[1].startswith("DataLoader with IterableDataset: expected unspecified")


@torchs_half_built_iterators_complain
def test_a_prefetch_factor_of_zero_is_found_at_the_start_of_iteration() -> None:
    loader = DataLoader(Numbers(4), num_workers=1, prefetch_factor=0)
    with pytest.raises(AssertionError, match="prefetch_factor must be greater than 0"):
        iter(loader)


def test_a_timeout_without_workers_is_found_at_the_start_of_iteration() -> None:
    with pytest.raises(AssertionError, match="_SingleProcessDataLoaderIter requires timeout == 0"):
        iter(DataLoader(Numbers(4), timeout=1))


def test_prefetch_factor_reads_none_without_workers_and_two_with() -> None:
    assert DataLoader(Numbers(4)).prefetch_factor is None
    assert DataLoader(Numbers(4), num_workers=1).prefetch_factor == 2
    assert DataLoader(Numbers(4), num_workers=1, prefetch_factor=5).prefetch_factor == 5


def test_batch_size_and_drop_last_read_as_torchs() -> None:
    own = DataLoader(Numbers(4), batch_sampler=[[0, 1], [2, 3]])
    assert own.batch_size is None
    assert own.drop_last is False
    single = DataLoader(Numbers(4), batch_size=None)
    assert single.batch_sampler is None
    assert not single._auto_collation
    assert single._index_sampler is single.sampler


def test_the_default_samplers_and_collate_functions_are_torchs_own() -> None:
    plain, shuffled = (
        DataLoader(Numbers(4)),
        DataLoader(Numbers(4), shuffle=True, generator=torch.Generator()),
    )
    assert type(plain.sampler) is SequentialSampler
    assert type(plain.batch_sampler) is BatchSampler
    assert plain.batch_sampler.sampler is plain.sampler
    assert type(shuffled.sampler) is RandomSampler
    assert shuffled.sampler.generator is shuffled.generator
    assert type(DataLoader(Shard(3)).sampler).__name__ == "_InfiniteConstantSampler"
    assert plain.collate_fn is default_collate
    assert DataLoader(Numbers(4), batch_size=None).collate_fn is default_convert


def test_the_attributes_are_torchs_and_one_for_each_further_argument() -> None:
    ours, theirs = vars(DataLoader(Numbers(4))), vars(TorchDataLoader(Numbers(4)))
    assert set(theirs) <= set(ours)
    assert {name for name in ours if not name.startswith("_")} - set(theirs) == EXTRAS
    assert not hasattr(DataLoader(Numbers(4)), "shuffle")


def test_the_constructor_draws_no_random_numbers() -> None:
    before = torch.get_rng_state()
    DataLoader(Numbers(4), shuffle=True, num_workers=2)
    assert torch.equal(before, torch.get_rng_state())


@pytest.mark.parametrize(
    "name", ["batch_size", "batch_sampler", "sampler", "drop_last", "dataset", "persistent_workers"]
)
def test_six_attributes_are_guarded_and_the_error_names_the_class(name: str) -> None:
    class MyLoader(DataLoader):
        pass

    loader = MyLoader(Numbers(4))
    with pytest.raises(ValueError, match=f"^{name} attribute should not be set after MyLoader is initialized$"):
        setattr(loader, name, None)


def test_other_attributes_may_be_set_late_and_take_effect() -> None:
    loader = DataLoader(Numbers(4), batch_size=2)
    list(loader)
    loader.collate_fn = len
    loader.num_workers = 1
    loader.prefetch_factor = 1
    loader.anything = "goes"
    assert list(loader) == [2, 2]
    loader.num_workers = 0
    loader.prefetch_factor = None
    loader.collate_fn = str
    assert next(iter(loader)).startswith("[tensor")


def test_attributes_may_be_set_before_the_constructor_of_the_base_class() -> None:
    class Early(DataLoader):
        def __init__(self, dataset: Any, follow: Any, **more: Any) -> None:
            self.follow = follow
            self.batch_size = "anything"
            super().__init__(dataset, **more)

    loader = Early(Numbers(4), ["x"], batch_size=2)
    assert loader.follow == ["x"]
    assert len(list(loader)) == loader.batch_size == 2


def test_samplers_exchanged_behind_the_guard_are_used() -> None:
    loader = DataLoader(Numbers(4), batch_size=2)
    object.__setattr__(loader, "batch_sampler", [[3], [1, 0]])
    assert [len(batch) for batch in loader] == [1, 2]
    loader._DataLoader__initialized = False
    loader.batch_sampler = [[2]]
    loader._DataLoader__initialized = True
    assert [batch.tolist() for batch in loader] == [[[2, 2]]]


def test_multiprocessing_context_is_checked_and_converted() -> None:
    loader = DataLoader(Numbers(4), num_workers=1, multiprocessing_context="fork")
    assert loader.multiprocessing_context.get_start_method() == "fork"
    loader.multiprocessing_context = torch.multiprocessing.get_context("spawn")
    assert loader.multiprocessing_context.get_start_method() == "spawn"
    with pytest.raises(ValueError, match="should specify a valid start method"):
        loader.multiprocessing_context = "teleport"
    with pytest.raises(TypeError, match="should be a valid context"):
        loader.multiprocessing_context = 3
    loader.multiprocessing_context = None
    assert loader.multiprocessing_context is None


@pytest.mark.parametrize(
    ("arguments", "length"),
    [
        ({"batch_size": 3}, 4),
        ({"batch_size": 3, "drop_last": True}, 3),
        ({"batch_size": None}, 10),
        ({"batch_sampler": [[1]]}, 1),
    ],
)
def test_the_length_is_the_number_of_batches(arguments: dict[str, Any], length: int) -> None:
    loader = DataLoader(Numbers(10), **arguments)
    assert len(loader) == len(iter(loader)) == length


def test_the_length_of_a_stream_comes_from_its_dataset() -> None:
    loader = DataLoader(SizedShard(7), batch_size=2)
    assert loader._IterableDataset_len_called is None
    assert len(loader) == 4
    assert loader._IterableDataset_len_called == 7
    assert len(DataLoader(SizedShard(7), batch_size=2, drop_last=True)) == 3
    assert len(DataLoader(SizedShard(7), batch_size=None)) == 7
    with pytest.raises(TypeError):
        len(DataLoader(Shard(7)))


@pytest.mark.parametrize("workers", [0, 2])
def test_a_stream_longer_than_it_said_warns_at_each_further_batch(workers: int) -> None:
    class Liar(Shard):
        def __len__(self) -> int:
            return 2

    loader = DataLoader(Liar(2, 2), batch_size=1, num_workers=workers)
    object.__setattr__(loader, "dataset", Liar(4, 0))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert len(list(loader)) == 4  # nobody asked for the length
    assert len(loader) == 2
    with pytest.warns(UserWarning, match="was reported to be 2") as caught:
        assert len(list(loader)) == 4
    assert len(caught) == 2
    assert "but 3 samples have been fetched. " in str(caught[0].message)
    assert ("not properly configuring" in str(caught[0].message)) == (workers > 0)
    assert all(one.filename == __file__ for one in caught)


def test_more_workers_than_processors_warn_at_construction_and_at_each_new_iterator() -> None:
    too_many = torch._utils.cpu_count() + 1
    with pytest.warns(UserWarning, match=f"will create {too_many} worker processes in total"):
        loader = DataLoader(Numbers(4), num_workers=too_many)
    with pytest.warns(UserWarning, match="will create"):
        iterator = iter(loader)
    assert len(iterator._workers) == too_many
    with pytest.warns(UserWarning, match="will create"):
        loader.check_worker_number_rationality()


def test_a_loader_pickles_and_copies_before_iteration() -> None:
    loader = DataLoader(Numbers(5), batch_size=2, shuffle=True, num_workers=1, persistent_workers=True)
    for other in (pickle.loads(pickle.dumps(loader)), copy.deepcopy(loader), copy.copy(loader)):
        assert type(other) is DataLoader
        assert sorted(len(batch) for batch in other) == [1, 2, 2]


def test_a_loader_with_a_live_persistent_iterator_does_not_pickle() -> None:
    loader = DataLoader(Numbers(5), num_workers=1, persistent_workers=True)
    iterator = iter(loader)
    with pytest.raises(NotImplementedError):
        pickle.dumps(loader)
    with pytest.raises(NotImplementedError):
        copy.deepcopy(loader)
    with pytest.raises(NotImplementedError):
        pickle.dumps(iterator)
    assert copy.copy(loader)._iterator is iterator


def test_a_loader_pickles_after_epochs_of_fresh_workers() -> None:
    loader = DataLoader(Numbers(5), batch_size=5, num_workers=1)
    first = [batch.tolist() for batch in loader]
    other = pickle.loads(pickle.dumps(loader))
    assert [batch.tolist() for batch in other] == [batch.tolist() for batch in copy.deepcopy(loader)] == first
