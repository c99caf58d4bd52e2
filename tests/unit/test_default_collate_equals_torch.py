"""default_collate against torch's: values to the bit, dtypes, strides, container types, and what is the same object."""

import collections
import copy
import struct
import warnings
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from support.collated import assert_same, torch_outcome
from torch.utils.data import default_collate as torch_collate

from fastload import _core
from fastload.collate import default_collate


class Point(NamedTuple):
    x: Any
    y: Any


class Checked(Point):
    """A named tuple that looks at what it is made of."""

    def __new__(cls, x: Any, y: Any) -> "Checked":
        assert bool((x == 1).all())
        return super().__new__(cls, x, y)


class Frozen(collections.abc.Mapping):  # type: ignore[type-arg]
    def __init__(self, data: Any) -> None:
        self.data = dict(data)

    def __getitem__(self, key: Any) -> Any:
        return self.data[key]

    def __iter__(self) -> Any:
        return iter(self.data)

    def __len__(self) -> int:
        return len(self.data)

    def __eq__(self, other: object) -> bool:
        return type(other) is Frozen and self.data == other.data

    __hash__ = None  # type: ignore[assignment]


class Stubborn(Frozen):
    """A mapping that can only be made in one way."""

    def __init__(self, data: Any, secret: int = 0) -> None:
        if isinstance(next(iter(dict(data).values())), torch.Tensor) and not secret:
            raise TypeError("not like this")
        super().__init__(data)


class Tagged(dict):  # type: ignore[type-arg]
    tag = "none"


class SubTensor(torch.Tensor):
    pass


class Tuple(tuple):  # type: ignore[type-arg]
    pass


class List(list):  # type: ignore[type-arg]
    pass


class Str(str):
    __slots__ = ()


class Int(int):
    pass


def tagged(**items: Any) -> Tagged:
    made = Tagged(items)
    made.tag = "kept"
    return made


def nan_of(bits: int) -> float:
    return float(struct.unpack("<d", struct.pack("<Q", bits))[0])


def nan32(bits: int) -> Any:
    return np.array([bits], dtype=np.uint32).view(np.float32)[0]


def bits32(*bits: int) -> torch.Tensor:
    return torch.from_numpy(np.array(bits, dtype=np.uint32).view(np.float32).copy())


def every_dtype() -> list[torch.dtype]:
    integers = "bool uint8 int8 int16 int32 int64 uint16 uint32 uint64"
    others = "float16 bfloat16 float32 float64 complex64 complex128 float8_e4m3fn float8_e5m2"
    return [getattr(torch, name) for name in f"{integers} {others}".split()]


def strided(*shape: int, order: tuple[int, ...] | None = None, step: int = 1) -> torch.Tensor:
    t = torch.arange(float(np.prod(shape)) * step).reshape(*shape[:-1], shape[-1] * step)[..., ::step]
    return t.permute(order) if order else t


def quietly(make: Any) -> list[torch.Tensor]:
    """Two tensors of a kind that torch warns of."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return [make(), make()]


ARRAY_TYPES = [*"?bhilqBHILQefdFDgO", ">f4", "<f4", "S3", "U2", "M8[s]"]
SCALAR_TYPES = [t for t in sorted(set(np.sctypeDict.values()), key=repr) if issubclass(t, np.number | np.bool_)]

BATCHES: dict[str, Any] = {
    "tensors": [torch.ones(2, 3), torch.zeros(2, 3)],
    "one tensor": [torch.ones(2, 3)],
    "scalars": [torch.tensor(1.5), torch.tensor(-0.0)],
    "nan bits": [bits32(0x7FC00001, 0xFFC12345), bits32(0x7F800001, 0x80000000)],
    "empty tensors": [torch.zeros(0), torch.zeros(0)],
    "no rows": [torch.zeros(0, 4), torch.zeros(0, 4)],
    "no columns": [torch.zeros(3, 0), torch.zeros(3, 0)],
    "empty 4d": [torch.zeros(1, 0, 3, 2), torch.zeros(1, 0, 3, 2)],
    **{str(d): [torch.tensor([0, 1, 1]).to(d), torch.tensor([1, 0, 1]).to(d)] for d in every_dtype()},
    "steps": [strided(5, step=2), strided(5, step=2)],
    "chw of hwc": [strided(4, 5, 3, order=(2, 0, 1)) for _ in range(3)],
    "one pixel of hwc": [strided(1, 1, 3, order=(2, 0, 1)) for _ in range(3)],
    "one row of hwc": [strided(1, 5, 3, order=(2, 0, 1)) for _ in range(3)],
    "grey hwc": [strided(4, 5, 1, order=(2, 0, 1)) for _ in range(3)],
    "transposed": [strided(4, 5, order=(1, 0)) for _ in range(3)],
    "channels last 4d": [torch.randn(2, 3, 4, 5).to(memory_format=torch.channels_last) for _ in range(2)],
    "channels last, one channel": [torch.randn(2, 1, 4, 5).to(memory_format=torch.channels_last) for _ in range(2)],
    "channels last, one frame": [torch.randn(1, 3, 4, 5).to(memory_format=torch.channels_last) for _ in range(2)],
    "mixed layouts": [torch.randn(1, 3, 4, 5).to(memory_format=torch.channels_last), torch.randn(1, 3, 4, 5)],
    "expanded": [torch.arange(4.0).expand(3, 4) for _ in range(2)],
    "six dimensions": [strided(2, 1, 3, 2, 1, 2, order=(5, 0, 2, 1, 4, 3)) for _ in range(2)],
    "large crops": [torch.randn(3, 80, 90)[:, 5:69, 7:71] for _ in range(4)],
    "large chw of hwc": [torch.randn(64, 64, 3).permute(2, 0, 1) for _ in range(40)],
    "large": [torch.randn(3, 64, 64) for _ in range(40)],
    "medium": [torch.randn(1000) for _ in range(40)],
    "very many": [torch.tensor([float(i)]) for i in range(70_000)],
    "lazy conjugates": [torch.tensor([1 + 2j, 3j]).conj() for _ in range(2)],
    "lazy negations": [torch.tensor([1 + 2j, 3j]).conj().imag for _ in range(2)],
    "lazy negations of one number": [torch.tensor(1 + 2j).conj().imag for _ in range(2)],
    "lazy negation in the middle": [strided(2, step=2), torch.tensor([1 + 2j, 3j]).conj().imag.float()],
    "zero tensors": [torch._efficientzerotensor(3) for _ in range(2)],
    "promoted": [torch.ones(2), torch.ones(2, dtype=torch.int32)],
    "promoted from int": [torch.ones(2, dtype=torch.int32), torch.ones(2, dtype=torch.float64)],
    "needs gradient": [torch.ones(2, requires_grad=True), torch.ones(2)],
    "needs gradient later": [torch.ones(2), torch.ones(2, requires_grad=True)],
    "parameters": [torch.nn.Parameter(torch.ones(2)) for _ in range(2)],
    "subclass": [torch.ones(2).as_subclass(SubTensor) for _ in range(2)],
    "subclass later": [torch.ones(2), torch.zeros(2).as_subclass(SubTensor)],
    "meta": [torch.ones(2, device="meta") for _ in range(2)],
    "quantised": quietly(lambda: torch.quantize_per_tensor(torch.ones(2), 0.5, 0, torch.qint8)),
    "sparse": quietly(lambda: torch.eye(2).to_sparse()),
    "sparse csr": quietly(lambda: torch.eye(2).to_sparse_csr()),
    "nested": quietly(lambda: torch.nested.nested_tensor([torch.ones(2), torch.ones(3)])),
    "arrays": [np.ones((2, 3), np.float32), np.zeros((2, 3), np.float32)],
    "0-d arrays": [np.array(1), np.array(2)],
    **{f"{d} arrays": [np.array([0, 1], d)] * 2 for d in ARRAY_TYPES},
    "arrays with steps": [np.arange(12.0)[::3] for _ in range(2)],
    "arrays backwards": [np.arange(4.0)[::-1] for _ in range(2)],
    "arrays in Fortran's order": [np.asfortranarray(np.arange(6.0).reshape(2, 3)) for _ in range(2)],
    "field of records": [np.zeros(3, dtype=[("a", "f4"), ("b", "i1")])["a"] for _ in range(2)],
    "records": [np.zeros(3, dtype=[("a", "f4"), ("b", "i1")])],
    "promoted arrays": [np.ones(2, np.int32), np.ones(2, np.float32)],
    "array then tensor": [np.ones(2), torch.zeros(2, dtype=torch.float64)],
    "array then list": [np.ones(2), [1.0, 2.0]],
    "array then number": [np.array(1.0), 2.0],
    "tensor then array": [torch.ones(2), np.ones(2)],
    "empty arrays": [np.zeros((0, 4), np.float32), np.zeros((0, 4), np.float32)],
    "matrices": [np.ma.masked_array([1.0, 2.0]), np.ma.masked_array([3.0, 4.0])],
    **{f"{t.__name__} scalars": [t(1), t(0)] for t in SCALAR_TYPES},
    "mixed scalars": [np.float32(1), np.float64(2.5)],
    "mixed scalar and number": [np.float32(1), 2],
    "nan scalars": [nan32(0x7F800001), nan32(0xFFC12345)],
    "nan halves": [np.array([0x7C01], np.uint16).view(np.float16)[0], np.float16(1)],
    "double scalars": [np.float64(1), np.float64(nan_of(0x7FF0000000000001))],
    "string scalars": [np.str_("a"), np.str_("b")],
    "datetimes": [np.datetime64(1, "s")],
    "ints": [1, -2, 2**62],
    "too large": [1, 2**63],
    "far too large": [2**80],
    "bools": [True, False],
    "bools then int": [True, 2],
    "int then bool": [2, True],
    "int then float": [1, 2.5],
    "floats": [1.5, float("inf"), -0.0, nan_of(0x7FF8000000000123), nan_of(0xFFF0000000000001)],
    "float then int": [1.5, 2, True],
    "float then None": [1.5, None],
    "int then None": [1, None],
    "int then string": [1, "a"],
    "subclasses of int": [Int(1), Int(2)],
    "complex": [1j, 2j],
    "strings": ["a", "b"],
    "string subclass": [Str("a"), "b"],
    "string then None": ["a", None],
    "bytes": [b"a", b"b"],
    "bytearrays": [bytearray(b"ab"), bytearray(b"cd")],
    "one bytearray": [bytearray(b"ab")],
    "Nones": [None, None],
    "objects": [object],
    "nothing": [],
    "empty dicts": [{}, {}],
    "empty lists": [[], []],
    "dicts": [{"a": 1, "b": "x"}, {"b": "y", "a": 2, "c": 3}],
    "other keys": [{1: 1.0, None: b"x", (1, 2): True}] * 2,
    "missing key": [{"a": 1}, {"b": 1}],
    "dict then None": [{"a": 1}, None],
    "dict then list": [{0: 1}, [2]],
    "ordered": [collections.OrderedDict(b=1, a=2), {"a": 3, "b": 4}],
    "default dicts": [collections.defaultdict(int, a=1, b=2), collections.defaultdict(int, a=5)],
    "counters": [collections.Counter("aab"), collections.Counter("b")],
    "tagged dicts": [tagged(a=torch.ones(2)), tagged(a=torch.zeros(2))],
    "frozen mappings": [Frozen({"a": 1}), {"a": 2}],
    "stubborn mappings": [Stubborn({"a": 1}), Stubborn({"a": 2})],
    "tuples": [(1, "a", 2.0), (3, "b", 4.0)],
    "lists": [[1, "a"], [2, "b"]],
    "list then tuple": [[1, "a"], (2, "b")],
    "list then string": [["a", "b"], "cd"],
    "list then dict": [[1], {5: 6}],
    "list then tensor": [[1.0, 2.0], torch.tensor([3.0, 4.0])],
    "unequal lists": [[1, 2], [3]],
    "list then None": [[1], None],
    "named tuples": [Point(1, "a"), Point(2, "b")],
    "named tuples that look": [Checked(torch.ones(20_000), 1) for _ in range(3)],
    "named tuple then tuple": [Point(1, "a"), (2, "b")],
    "named tuple then short tuple": [Point(1, "a"), (2,)],
    "subclasses of tuple": [Tuple([1, 2]), Tuple([3, 4])],
    "subclasses of list": [List([1, 2]), List([3, 4])],
    "deques": [collections.deque([1, 2]), collections.deque([3, 4])],
    "user lists": [collections.UserList([1, torch.ones(2)]), collections.UserList([2, torch.ones(2)])],
    "ranges": [range(3), range(3, 6)],
    "deep": [{"a": [({"b": torch.ones(2), "c": ["x", (1, 2.0)]},)]} for _ in range(3)],
    "a tuple of dicts": ({"a": "x"}, {"a": "y"}),
    "a tuple of strings": ("a", "b"),
    "a tuple of tensors": (torch.ones(2), torch.ones(2)),
    "a tensor": torch.ones(2, 3),
    "an array": np.ones(3),
    "a string": "abc",
    "a range": range(4),
    "a subclass of list": List([1, 2]),
    "a dict": {0: 1, 1: 2},
}


@pytest.fixture(params=[True, False], ids=["table", "attributes"])
def _reading(request: pytest.FixtureRequest) -> Any:
    _core.use_exchange_table(request.param)
    yield
    _core.use_exchange_table(True)


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.usefixtures("_reading")
@pytest.mark.parametrize("name", BATCHES)
def test_a_batch_is_collated_as_torch_does(name: str) -> None:
    batch = BATCHES[name]
    expected, error = torch_outcome(batch)
    if error is None:
        assert_same(default_collate(batch), expected)
    else:
        with pytest.raises(type(error)) as raised:
            default_collate(batch)
        assert str(error).strip("'").split("\n")[0] in str(raised.value)


@pytest.mark.usefixtures("_reading")
@pytest.mark.parametrize("name", [f"{sign}int{bits}" for sign in ("", "u") for bits in range(1, 8)])
def test_types_of_less_than_a_byte_stay_what_they_are(name: str) -> None:
    batch = [torch.tensor(row, dtype=torch.uint8).view(getattr(torch, name)) for row in ([1, 2, 3], [4, 5, 6])]
    made, expected = default_collate(batch), torch_collate(batch)
    assert made.dtype == expected.dtype == getattr(torch, name)
    assert made.view(torch.uint8).tolist() == expected.view(torch.uint8).tolist() == [[1, 2, 3], [4, 5, 6]]


def test_the_batch_of_strings_is_the_very_list_that_was_given() -> None:
    batch = ["a", "b"]
    assert default_collate(batch) is batch


def test_an_object_in_the_batch_is_not_changed() -> None:
    batch = [collections.OrderedDict(a=1, b=[1, 2]), collections.OrderedDict(a=2, b=[3, 4])]
    before = copy.deepcopy(batch)
    default_collate(batch)
    assert batch == before


def test_gradients_flow_as_through_torch_stack() -> None:
    leaves = [torch.ones(2, requires_grad=True) for _ in range(3)]
    default_collate(leaves).sum().backward()
    assert all(leaf.grad is not None and leaf.grad.tolist() == [1.0, 1.0] for leaf in leaves)


def test_inference_mode_gives_inference_tensors() -> None:
    with torch.inference_mode():
        result = default_collate([{"a": torch.ones(2), "b": 1}])
    assert result["a"].is_inference()
    assert result["b"].is_inference()


def test_a_default_device_is_obeyed() -> None:
    with torch.device("meta"):
        assert default_collate([1, 2]).device.type == "meta"
        assert default_collate([{"a": torch.ones(2)}])["a"].device.type == "meta"


def test_a_batch_that_contains_itself_ends_in_recursion_error() -> None:
    batch: list[Any] = []
    batch.append(batch)
    with pytest.raises(RecursionError):
        default_collate(batch)


# --- nested structures from hypothesis ------------------------------------------------------------------

DTYPES = [torch.uint8, torch.int64, torch.float32, torch.float16, torch.bool]


def tensor_leaf(shape: list[int], dtype: torch.dtype, order: int) -> Any:
    def make(seed: int) -> torch.Tensor:
        dims = torch.randperm(len(shape), generator=torch.Generator().manual_seed(order))
        t = torch.randint(0, 2, [shape[d] for d in dims.argsort()], generator=torch.Generator().manual_seed(seed))
        return t.to(dtype).permute(*dims.tolist()) if shape else t.to(dtype)

    return make


tensor_leaves = st.builds(
    tensor_leaf, st.lists(st.integers(0, 4), max_size=4), st.sampled_from(DTYPES), st.integers(0, 20)
)
plain_leaves = st.sampled_from(
    [
        lambda seed: seed,
        lambda seed: seed / 3,
        lambda seed: seed % 2 == 0,
        str,
        lambda seed: bytes([seed % 256]),
        np.float32,
        lambda seed: np.int16(seed % 100),
        lambda seed: np.arange(seed, seed + 3),
        np.array,
    ]
)


def container(kind: str, fields: list[Any]) -> Any:
    def make(seed: int) -> Any:
        values = [field(seed) for field in fields]
        named = {f"k{i}": value for i, value in enumerate(values)}
        if kind == "named":
            return Point(*values[:2]) if len(values) >= 2 else Point(1, 2)
        kinds = {"dict": dict, "ordered": collections.OrderedDict, "frozen": Frozen}
        sequences = {"list": list, "tuple": tuple, "deque": collections.deque, "Tuple": Tuple}
        return kinds[kind](named) if kind in kinds else sequences[kind](values)

    return make


structures = st.recursive(
    st.one_of(tensor_leaves, plain_leaves),
    lambda inner: st.builds(
        container,
        st.sampled_from(["dict", "ordered", "frozen", "list", "tuple", "deque", "Tuple", "named"]),
        st.lists(inner, max_size=3),
    ),
    max_leaves=8,
)


@settings(max_examples=200, deadline=None)
@given(make=structures, samples=st.integers(1, 4), seed=st.integers(0, 2**40))
def test_any_nested_structure_is_collated_as_torch_does(make: Any, samples: int, seed: int) -> None:
    batch = [make(seed + i) for i in range(samples)]
    assert_same(default_collate(batch), torch_collate(batch))
