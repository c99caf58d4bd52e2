"""What frameworks do to a loader, without the frameworks: rebuild it, wrap it, reach into it."""

import inspect
from typing import Any

import pytest
import torch
from support.datasets import Numbers, WorkerReport, as_is, first
from support.loader import DataLoader
from support.resources import descendants, wait_until
from torch.utils.data import BatchSampler, DistributedSampler, SequentialSampler
from torch.utils.data.dataloader import _BaseDataLoaderIter, _DatasetKind, _MultiProcessingDataLoaderIter

SAMPLING = {"batch_size", "sampler", "drop_last", "batch_sampler", "shuffle"}


def public(loader: Any) -> dict[str, Any]:
    return {name: value for name, value in vars(loader).items() if not name.startswith("_")}


def plain(loader: Any) -> list[Any]:
    return [batch.tolist() for batch in loader]


@pytest.mark.parametrize("workers", [0, 2])
def test_a_loader_rebuilt_from_its_public_attributes_as_ignite_does_it(workers: int) -> None:
    loader = DataLoader(Numbers(6), batch_size=4, num_workers=workers)
    arguments = {name: value for name, value in public(loader).items() if name not in SAMPLING}
    rebuilt = type(loader)(**arguments, batch_sampler=BatchSampler(loader.sampler, 2, False))
    assert plain(rebuilt) == [[[0, 0], [1, 1]], [[2, 2], [3, 3]], [[4, 4], [5, 5]]]
    assert loader._dataset_kind == _DatasetKind.Map


def test_a_subclass_rebuilt_from_what_differs_from_the_defaults_as_lightning_does_it() -> None:
    class Mine(DataLoader):
        def __init__(self, colour: str, *args: Any, **more: Any) -> None:
            self.colour = colour
            super().__init__(*args, **more)

    loader = Mine("red", Numbers(6), batch_size=2, num_workers=1, persistent_workers=True, prefetch_factor=3)
    parameters = {
        **inspect.signature(DataLoader.__init__).parameters,
        **inspect.signature(Mine.__init__).parameters,
    }
    arguments = {
        name: value
        for name, value in public(loader).items()
        if name in parameters and value is not parameters[name].default and name not in SAMPLING
    }
    arguments |= {"dataset": loader.dataset, "multiprocessing_context": loader.multiprocessing_context}
    sampler = DistributedSampler(loader.dataset, num_replicas=2, rank=1, shuffle=False)
    rebuilt = type(loader)(
        **arguments, batch_sampler=type(loader.batch_sampler)(sampler, batch_size=2, drop_last=False)
    )
    assert rebuilt.colour == "red"
    assert (rebuilt.num_workers, rebuilt.persistent_workers, rebuilt.prefetch_factor) == (1, True, 3)
    assert plain(rebuilt) == [[[1, 1], [3, 3]], [[5, 5]]]


def test_every_extra_argument_survives_both_ways_of_rebuilding() -> None:
    loader = DataLoader(Numbers(6))
    parameters = inspect.signature(DataLoader.__init__).parameters
    attributes = public(loader)
    for name, parameter in parameters.items():
        if parameter.kind is parameter.KEYWORD_ONLY:
            assert name in attributes, f"{name} is lost when a loader is rebuilt from its attributes"
            assert attributes[name] == parameter.default


def test_hooks_around_init_and_setattr_as_lightning_puts_them(monkeypatch: pytest.MonkeyPatch) -> None:
    for cls in {DataLoader, *DataLoader.__mro__} & set(torch.utils.data.DataLoader.__subclasses__()) | {DataLoader}:
        if "__init__" not in vars(cls):
            continue
        original = cls.__init__

        def saving(self: Any, *args: Any, _original: Any = original, **more: Any) -> None:
            object.__setattr__(self, "__pl_saved_args", args)
            object.__setattr__(self, "__pl_saved_kwargs", more)
            _original(self, *args, **more)

        monkeypatch.setattr(cls, "__init__", saving)
    loader = DataLoader(Numbers(4), batch_size=2)
    assert vars(loader)["__pl_saved_kwargs"] == {"batch_size": 2}
    assert len(plain(loader)) == 2


def test_teardown_as_lightning_does_it() -> None:
    loader = DataLoader(Numbers(50), num_workers=2, persistent_workers=True)
    next(iter(loader))
    assert isinstance(loader._iterator, _MultiProcessingDataLoaderIter)
    loader._iterator._shutdown_workers()
    loader._iterator = None
    assert wait_until(lambda: not descendants())


@pytest.mark.parametrize("workers", [0, 2])
def test_wrappers_that_copy_the_attributes_as_fabric_and_ray_do_it(workers: int) -> None:
    loader = DataLoader(Numbers(6), batch_size=3, num_workers=workers)

    class Wrapper(DataLoader):
        def __init__(self, base: Any) -> None:
            self.__dict__.update(base.__dict__)
            self.base = base

        def __iter__(self) -> Any:
            iterator = iter(self.base)
            ahead = next(iterator, None)
            while ahead is not None:
                now, ahead = ahead, next(iterator, None)
                yield now

    wrapper = Wrapper(loader)
    assert len(wrapper) == 2
    assert plain(wrapper) == plain(wrapper) == plain(loader)


def test_a_class_that_pretends_to_be_a_loader_as_accelerate_does_it() -> None:
    loader = DataLoader(Numbers(6), batch_size=3, num_workers=1)

    class Adapter:
        def __init__(self) -> None:
            self.base_dataloader = loader

        @property
        def __class__(self) -> Any:
            return self.base_dataloader.__class__

        def __getattr__(self, name: str) -> Any:
            if name == "base_dataloader":
                raise AttributeError
            return getattr(self.base_dataloader, name)

        def __iter__(self) -> Any:
            return iter(self.base_dataloader)

    adapter = Adapter()
    assert isinstance(adapter, torch.utils.data.DataLoader)
    assert adapter.prefetch_factor == 2
    assert plain(adapter) == plain(loader)


class Repeat:
    """An endless batch sampler."""

    def __init__(self, sampler: Any) -> None:
        self.sampler = sampler

    def __iter__(self) -> Any:
        while True:
            yield from self.sampler


class InfiniteLoader(DataLoader):
    """One iterator for ever, as ultralytics has it."""

    def __init__(self, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        object.__setattr__(self, "batch_sampler", Repeat(self.batch_sampler))
        self.iterator = super().__iter__()

    def __len__(self) -> int:
        return len(self.batch_sampler.sampler)

    def __iter__(self) -> Any:
        for _ in range(len(self)):
            yield next(self.iterator)

    def __del__(self) -> None:
        if not hasattr(self.iterator, "_workers"):
            return
        for worker in self.iterator._workers:
            if worker.is_alive():
                worker.terminate()
        self.iterator._shutdown_workers()

    def reset(self) -> None:
        self.iterator = self._get_iterator()


@pytest.mark.parametrize("workers", [0, 2])
def test_an_infinite_loader_as_ultralytics_has_it(workers: int, capfd: pytest.CaptureFixture[str]) -> None:
    loader = InfiniteLoader(Numbers(6), batch_size=2, num_workers=workers, generator=torch.Generator())
    expected = [[[0, 0], [1, 1]], [[2, 2], [3, 3]], [[4, 4], [5, 5]]]
    assert [plain(loader) for _ in range(3)] == 3 * [expected]
    loader.dataset.length = 4
    loader.reset()
    assert plain(loader)[:2] == expected[:2]
    del loader
    assert wait_until(lambda: not descendants())
    assert capfd.readouterr().err == ""


def test_a_loader_that_keeps_its_iterator_as_timm_has_it() -> None:
    class MultiEpochs(DataLoader):
        def __init__(self, *args: Any, **more: Any) -> None:
            super().__init__(*args, **more)
            self._DataLoader__initialized = False
            self.batch_sampler = Repeat(self.batch_sampler)
            self._DataLoader__initialized = True
            self.iterator = super().__iter__()

        def __len__(self) -> int:
            return len(self.batch_sampler.sampler)

        def __iter__(self) -> Any:
            for _ in range(len(self)):
                yield next(self.iterator)

    loader = MultiEpochs(Numbers(4), batch_size=2, num_workers=1)
    assert plain(loader) == plain(loader) == [[[0, 0], [1, 1]], [[2, 2], [3, 3]]]


def test_an_iterator_wrapped_as_pytorch_geometric_does_it() -> None:
    class Transformed:
        def __init__(self, iterator: Any) -> None:
            self.iterator = iterator

        def __iter__(self) -> Any:
            return self

        def _reset(self, loader: Any, first_iter: bool = False) -> None:
            self.iterator._reset(loader, first_iter)

        def __len__(self) -> int:
            return len(self.iterator)

        def __next__(self) -> Any:
            return next(self.iterator) * 10

        def __del__(self) -> None:
            if isinstance(self.iterator, _MultiProcessingDataLoaderIter):
                self.iterator.__del__()

    class NodeLoader(DataLoader):
        def __init__(self, dataset: Any, follow_batch: Any = None, **more: Any) -> None:
            more.pop("collate_fn", None)
            self.follow_batch = follow_batch
            super().__init__(dataset, **more)

        def _get_iterator(self) -> Any:
            return Transformed(super()._get_iterator())

    loader = NodeLoader(Numbers(4), batch_size=2, num_workers=1, persistent_workers=True)
    assert plain(loader) == plain(loader) == [[[0, 0], [10, 10]], [[20, 20], [30, 30]]]
    del loader
    assert wait_until(lambda: not descendants())


def test_a_del_that_shuts_down_as_streaming_has_it() -> None:
    class Streaming(DataLoader):
        def __iter__(self) -> Any:
            yield from super().__iter__()

        def __del__(self) -> None:
            if self._iterator is not None:
                self._iterator._shutdown_workers()

    loader = Streaming(Numbers(4), num_workers=1, persistent_workers=True)
    assert len(plain(loader)) == len(plain(loader)) == 4


def test_single_elements_under_an_endless_sampler_as_detectron_has_it() -> None:
    class Endless(torch.utils.data.Sampler):
        def __iter__(self) -> Any:
            while True:
                yield from range(3)

    iterator = iter(DataLoader(Numbers(3), sampler=Endless(), num_workers=1, collate_fn=first))
    assert [int(next(iterator)[0]) for _ in range(7)] == [0, 1, 2, 0, 1, 2, 0]


@pytest.mark.parametrize("workers", [0, 1])
def test_the_profiler_sees_one_range_for_each_next(workers: int) -> None:
    loader = DataLoader(Numbers(4), batch_size=2, num_workers=workers)
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU]) as profile:
        iterator = iter(loader)
        list(iterator)
    ranges = [event.name for event in profile.events() if event.name.startswith("enumerate(DataLoader)#")]
    kind = "_MultiProcessingDataLoaderIter" if workers else "_SingleProcessDataLoaderIter"
    assert ranges == 3 * [f"enumerate(DataLoader)#{kind}.__next__"]
    assert isinstance(iterator, _BaseDataLoaderIter)


def test_what_is_changed_on_the_collate_function_reaches_the_next_epoch() -> None:
    class Collate:
        enabled = False

        def __call__(self, samples: list[Any]) -> tuple[bool, int]:
            return self.enabled, len(samples)

    loader = DataLoader(Numbers(2), batch_size=2, num_workers=1, collate_fn=Collate())
    assert list(loader) == [(False, 2)]
    loader.collate_fn.enabled = True
    assert list(loader) == [(True, 2)]


def test_batches_may_be_pulled_ahead_and_kept_together() -> None:
    iterator = iter(DataLoader(Numbers(8), batch_size=2, num_workers=2))
    together = [next(iterator) for _ in range(3)]
    assert torch.cat(together)[:, 0].tolist() == [0, 1, 2, 3, 4, 5]


def test_the_worker_init_function_may_be_given_after_construction() -> None:
    loader = DataLoader(WorkerReport(), num_workers=1, collate_fn=as_is)
    assert loader.worker_init_fn is None
    loader.worker_init_fn = lambda worker_id: setattr(torch.utils.data.get_worker_info().dataset, "note", "init")
    assert {batch[0]["note"] for batch in loader} == {"init"}


def test_the_samplers_are_where_frameworks_look_for_them() -> None:
    sampler = DistributedSampler(range(6), 2, 0)
    loader = DataLoader(Numbers(6), sampler=sampler, num_workers=1)
    assert loader.sampler is loader.batch_sampler.sampler is sampler
    loader.batch_sampler.sampler.set_epoch(3)
    assert sampler.epoch == 3
    assert isinstance(DataLoader(Numbers(6)).sampler, SequentialSampler)
