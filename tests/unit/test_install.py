"""install() puts fastload behind torch's own loaders, uninstall() takes it away."""

from collections.abc import Iterator
from typing import Any

import pytest
import torch.utils.data

import fastload
import fastload._loader
from fastload._torch_compat import torch_get_iterator


@pytest.fixture(autouse=True)
def as_it_was() -> Iterator[None]:
    yield
    fastload.uninstall()
    torch.utils.data.DataLoader._get_iterator = torch_get_iterator


@pytest.fixture
def stand_in(monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setattr(fastload._loader, "make_iterator", lambda loader: iter([f"fastload: {loader.dataset}"]))
    return "fastload: [1]"


def loader() -> Any:
    return torch.utils.data.DataLoader([1])


def test_torchs_loaders_iterate_with_fastload_while_installed(stand_in: str) -> None:
    before = loader()
    fastload.install()
    assert list(before) == list(loader()) == [stand_in]
    fastload.uninstall()
    assert next(iter(before)).tolist() == [1]


def test_installing_twice_is_installing_once(stand_in: str) -> None:
    fastload.install()
    fastload.install()
    assert list(loader()) == [stand_in]
    fastload.uninstall()
    assert torch.utils.data.DataLoader._get_iterator is torch_get_iterator
    fastload.uninstall()
    assert torch.utils.data.DataLoader._get_iterator is torch_get_iterator


def test_a_subclass_with_an_iterator_of_its_own_keeps_it(stand_in: str) -> None:
    class Own(torch.utils.data.DataLoader):
        def _get_iterator(self) -> Any:
            return iter(["own"])

    class Plain(torch.utils.data.DataLoader):
        pass

    class Wrapping(torch.utils.data.DataLoader):
        def _get_iterator(self) -> Any:
            return map(str.upper, super()._get_iterator())

    fastload.install()
    assert list(Own([1])) == ["own"]
    assert list(Plain([1])) == [stand_in]
    assert list(Wrapping([1])) == [stand_in.upper()]


def test_what_was_there_before_comes_back(stand_in: str) -> None:
    def traced(self: Any) -> Any:
        return torch_get_iterator(self)

    torch.utils.data.DataLoader._get_iterator = traced
    fastload.install()
    assert list(loader()) == [stand_in]
    fastload.uninstall()
    assert torch.utils.data.DataLoader._get_iterator is traced


def test_a_replacement_on_top_stays_and_reaches_torch_after_uninstall(stand_in: str) -> None:
    fastload.install()
    ours = torch.utils.data.DataLoader._get_iterator

    def on_top(self: Any) -> Any:
        return ours(self)

    torch.utils.data.DataLoader._get_iterator = on_top
    assert list(loader()) == [stand_in]
    fastload.uninstall()
    assert torch.utils.data.DataLoader._get_iterator is on_top
    assert next(iter(loader())).tolist() == [1]


def test_an_installed_loader_gives_the_same_batches() -> None:
    dataset = torch.utils.data.TensorDataset(torch.arange(10), torch.randn(10, 3))
    plain = torch.utils.data.DataLoader(dataset, batch_size=3, shuffle=True)
    torch.manual_seed(5)
    theirs = list(plain)
    fastload.install()
    torch.manual_seed(5)
    iterator = iter(plain)
    assert type(iterator).__module__.startswith("fastload")
    for mine, other in zip(iterator, theirs, strict=True):
        assert all(torch.equal(a, b) for a, b in zip(mine, other, strict=True))
