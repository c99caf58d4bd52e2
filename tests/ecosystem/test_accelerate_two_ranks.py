"""fastload behind the loaders that accelerate makes for itself, in the two ways it has to share them between ranks."""

from pathlib import Path
from typing import Any

import pytest
from accelerate import Accelerator, DataLoaderConfiguration, skip_first_batches
from ranks import forget_accelerate, on_each_rank
from rows import Rows, RowStream, flat, indices, seed_everything
from served import BOTH, serving
from support.compare import assert_same
from torch.utils.data import DataLoader as TorchDataLoader

from fastload import DataLoader

SHARED_OUT = [
    {},
    {"even_batches": False},
    {"split_batches": True},
    {"use_seedable_sampler": True},
    {"split_batches": True, "use_seedable_sampler": True},
]
DISPATCHED = [{"dispatch_batches": True, **more} for more in SHARED_OUT if "even_batches" not in more]


@pytest.fixture(autouse=True)
def no_state_to_fork() -> None:
    forget_accelerate()


def two_epochs(who: str, make: Any, options: dict[str, Any]) -> dict[str, Any]:
    """Both epochs of a prepared loader, and what the ranks gather of the second as a metric would see it."""
    seed_everything()
    with serving(who) as makers:
        accelerator = Accelerator(cpu=True, dataloader_config=DataLoaderConfiguration(**options))
        loader = accelerator.prepare(make())
        first = list(loader)
        second, gathered = [], []
        for batch in loader:
            second.append(batch)
            if options.get("even_batches", True):
                gathered += accelerator.gather_for_metrics(batch["index"]).tolist()
    del loader
    accelerator.end_training()
    return {"first": first, "second": second, "gathered": gathered, "makers": makers}


def map_style() -> Any:
    return TorchDataLoader(Rows(22), batch_size=4, shuffle=True, num_workers=2)


def map_style_inline() -> Any:
    return TorchDataLoader(Rows(22), batch_size=4, shuffle=True)


def map_style_of_fastload() -> Any:
    return DataLoader(Rows(22), batch_size=4, shuffle=True, num_workers=2, persistent_workers=True)


def stream() -> Any:
    return TorchDataLoader(RowStream(22), batch_size=4, num_workers=2)


CASES = [
    *((map_style, options) for options in SHARED_OUT + DISPATCHED),
    *(
        (make, {"dispatch_batches": dispatch})
        for make in (map_style_inline, map_style_of_fastload)
        for dispatch in (False, True)
    ),
]


@pytest.mark.parametrize(("make", "options"), CASES, ids=lambda it: getattr(it, "__name__", str(it)))
def test_ranks_get_the_batches_that_torch_gives_them(make: Any, options: dict[str, Any], tmp_path: Path) -> None:
    theirs, ours = (on_each_rank(two_epochs, tmp_path, who, make, options) for who in BOTH)
    for rank in range(2):
        assert set(ours[rank].pop("makers")) == {"fastload"}
        theirs[rank].pop("makers")
    assert_same(ours, theirs)
    for epoch in ("first", "second"):
        assert set(flat(ours[0][epoch]) + flat(ours[1][epoch])) == set(range(22))
    if options.get("even_batches", True):
        assert sorted(ours[0]["gathered"]) == list(range(22))


@pytest.mark.parametrize("options", [{"dispatch_batches": True}, {"dispatch_batches": False}], ids=str)
def test_ranks_get_the_stream_that_torch_gives_them(options: dict[str, Any], tmp_path: Path) -> None:
    theirs, ours = (on_each_rank(two_epochs, tmp_path, who, stream, options) for who in BOTH)
    for rank in range(2):
        assert set(ours[rank].pop("makers")) == {"fastload"}
        theirs[rank].pop("makers")
    assert_same(ours, theirs)
    assert set(flat(ours[0]["first"]) + flat(ours[1]["first"])) == set(range(22))


def skipped(who: str, dispatch: bool) -> dict[str, Any]:
    seed_everything()
    with serving(who):
        options = DataLoaderConfiguration(dispatch_batches=dispatch, use_seedable_sampler=True)
        accelerator = Accelerator(cpu=True, dataloader_config=options)
        loader = accelerator.prepare(map_style())
        loader.set_epoch(1)
        whole = indices(list(loader))
        again = skip_first_batches(loader, 2)
        again.set_epoch(1)
        rest = indices(list(again))
    accelerator.end_training()
    return {"whole": whole, "rest": rest}


@pytest.mark.parametrize("dispatch", [False, True])
def test_the_first_batches_are_skipped_on_every_rank(dispatch: bool, tmp_path: Path) -> None:
    theirs, ours = (on_each_rank(skipped, tmp_path, who, dispatch) for who in BOTH)
    assert ours == theirs
    if not dispatch:  # dispatched, accelerate pads the end of an epoch with other rows once it has skipped some
        assert [rank["rest"] for rank in ours] == [rank["whole"][2:] for rank in ours]
