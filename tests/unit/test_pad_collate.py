"""pad_collate against a plain reference: torch.full and slices."""

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from support.collated import assert_same

from fastload._errors import CollateError
from fastload.collate import default_collate, pad_collate


def reference(samples: list[torch.Tensor], value: Any, multiple_of: Any) -> tuple[torch.Tensor, torch.Tensor]:
    """The padded batch and its mask, one sample after the other."""
    shape = []
    for d in range(samples[0].ndim):
        sizes = {sample.shape[d] for sample in samples}
        if isinstance(multiple_of, int):
            multiple = multiple_of if len(sizes) > 1 else 1
        else:
            multiple = multiple_of[d] if len(multiple_of) == samples[0].ndim else 1
        size = max(sizes)
        while size % multiple:
            size += 1
        shape.append(size)
    batch = torch.full((len(samples), *shape), value, dtype=samples[0].dtype)
    mask = torch.zeros((len(samples), *shape), dtype=torch.bool)
    for i, sample in enumerate(samples):
        where = (i, *(slice(size) for size in sample.shape))
        batch[where] = sample
        mask[where] = True
    return batch, mask


@st.composite
def ragged(draw: st.DrawFn) -> list[torch.Tensor]:
    ndim = draw(st.integers(0, 6))
    most = {0: 9, 1: 40, 2: 9, 3: 5}.get(ndim, 3)
    shapes = draw(st.lists(st.tuples(*[st.integers(0, most)] * ndim), min_size=1, max_size=4))
    dtype = draw(st.sampled_from([torch.uint8, torch.int16, torch.float32, torch.float64, torch.complex128]))
    order = draw(st.permutations(range(ndim)))
    samples = []
    for i, shape in enumerate(shapes):
        stored = [0] * ndim
        for d, place in enumerate(order):
            stored[place] = shape[d]
        numbers = torch.arange(int(np.prod(stored))).reshape(stored) + 10 * i
        samples.append(numbers.to(dtype).permute(*order) if ndim else numbers.to(dtype))
    return samples


@settings(max_examples=300, deadline=None)
@given(samples=ragged(), value=st.sampled_from([0, 7, 1]), multiple_of=st.integers(1, 5), masks=st.booleans())
def test_any_ragged_tensors_are_padded_as_the_reference_does(
    samples: list[torch.Tensor], value: int, multiple_of: int, masks: bool
) -> None:
    expected, expected_mask = reference(samples, value, multiple_of)
    result = pad_collate(samples, value, multiple_of, return_mask=masks)
    batch, mask = result if masks else (result, expected_mask)
    if expected.shape[1:] != samples[0].shape:  # an unpadded batch has torch.stack's strides
        assert_same(batch, expected)
    else:
        assert torch.equal(batch, expected)
    assert_same(mask, expected_mask)


@settings(max_examples=100, deadline=None)
@given(samples=ragged(), multiples=st.lists(st.integers(1, 4), min_size=1, max_size=4))
def test_one_multiple_per_dimension_rounds_every_dimension(samples: list[torch.Tensor], multiples: list[int]) -> None:
    batch, mask = pad_collate(samples, 1, tuple(multiples), return_mask=True)
    expected, expected_mask = reference(samples, 1, tuple(multiples))
    assert torch.equal(batch, expected)
    assert torch.equal(mask, expected_mask)


def test_arrays_are_padded_like_tensors() -> None:
    arrays = [np.arange(6.0).reshape(2, 3), np.zeros((0, 4)), np.ones((1, 2))[:, ::-1]]
    expected = reference([torch.tensor(a.copy()) for a in arrays], -1, 1)
    assert_same(pad_collate([arrays[0], arrays[1]], -1), expected[0][:2])
    with pytest.raises(ValueError, match="negative"):
        pad_collate(arrays, -1)


def test_fields_that_agree_are_collated_as_by_default_collate() -> None:
    batch = [{"a": torch.randn(3, 4), "b": (i, f"{i}", 2.5, np.float32(i)), "c": np.ones(2)} for i in range(3)]
    assert_same(pad_collate(batch), default_collate(batch))


def test_large_samples_are_padded_in_a_slot() -> None:
    samples = [torch.randn(3, 200 + 7 * i, 300 - 11 * i) for i in range(8)]
    assert_same(pad_collate(samples, 0.1), reference(samples, 0.1, 1)[0])


@pytest.mark.parametrize(
    "dtype", [torch.bool, torch.float16, torch.bfloat16, torch.int64, torch.complex64, torch.uint32]
)
def test_the_padding_value_is_of_the_fields_type(dtype: torch.dtype) -> None:
    result = pad_collate([torch.zeros(1, dtype=dtype), torch.zeros(3, dtype=dtype)], value=1)
    assert result.dtype == dtype
    assert result.tolist() == [[0, 1, 1], [0, 0, 0]]


def test_nan_is_a_padding_value() -> None:
    assert pad_collate([torch.zeros(1), torch.zeros(2)], value=float("nan"))[0].isnan().tolist() == [False, True]


@pytest.mark.parametrize(
    ("value", "dtype"), [(0.5, torch.int64), (-1, torch.uint8), (300, torch.uint8), (2, torch.bool)]
)
def test_a_value_that_a_field_cannot_hold_is_refused_there(value: Any, dtype: torch.dtype) -> None:
    batch = [{"x": torch.zeros(n, dtype=dtype), "y": torch.zeros(2, dtype=dtype)} for n in (1, 2)]
    with pytest.raises(ValueError, match=r"in batch\['x'\]"):
        pad_collate(batch, value)
    assert pad_collate([{"y": sample["y"]} for sample in batch], value)["y"].shape == (2, 2)


def test_masks_have_the_structure_of_the_batch_whatever_the_sizes() -> None:
    sample = {"a": torch.ones(2), "b": [1, "x", np.ones((2, 2))], "c": np.float32(1)}
    batch, mask = pad_collate([sample, sample], return_mask=True)
    assert list(mask) == list(batch)
    assert mask["a"].tolist() == [[True, True]] * 2
    assert mask["b"][0].tolist() == [True, True]
    assert mask["b"][1] is None
    assert mask["b"][2].shape == (2, 2, 2)
    assert mask["c"].all()


@pytest.mark.parametrize(
    ("first", "second", "words"),
    [
        (torch.ones(2), torch.ones(2, 2), "different numbers of dimensions"),
        (torch.ones(2), torch.ones(3, dtype=torch.int32), "different types"),
        (np.ones(2), np.ones(3, np.int32), "different types"),
        (torch.ones(2), None, "got NoneType"),
    ],
)
def test_what_cannot_be_padded_is_named(first: Any, second: Any, words: str) -> None:
    with pytest.raises((CollateError, TypeError), match=words) as raised:
        pad_collate([{"t": [first]}, {"t": [second]}])
    assert (raised.value.position, raised.value.path) == (1, "['t'][0]")  # type: ignore[union-attr]


def test_gradients_flow_through_padding() -> None:
    samples = [torch.ones(n, requires_grad=True) for n in (1, 3)]
    pad_collate(samples).sum().backward()
    assert [sample.grad.tolist() for sample in samples] == [[1.0], [1.0] * 3]  # type: ignore[union-attr]


@pytest.mark.parametrize("multiple_of", [0, -1, (), (2, 0), 1.5, "4"])
def test_a_multiple_that_makes_no_sense_is_refused(multiple_of: Any) -> None:
    with pytest.raises(ValueError, match="multiple_of"):
        pad_collate([torch.ones(2)], multiple_of=multiple_of)
