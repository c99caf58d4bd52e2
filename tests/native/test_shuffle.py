"""torch's generator and torch.randperm, followed natively to the last bit."""

from __future__ import annotations

import subprocess
import sys
import zlib
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from fastload._core import Mt19937, Shuffle, shuffle_draws
from fastload.samplers._permutations import TorchPermutations

LIMIT = (2**32 - 1) // 20  # from here on torch.randperm shuffles in its other way


def generator(seed: int, drawn: int = 0) -> torch.Generator:
    made = torch.Generator().manual_seed(seed)
    if drawn:
        torch.randint(100, (drawn,), generator=made)
    return made


def native(made: torch.Generator) -> Mt19937:
    return Mt19937.from_state(made.get_state().numpy())


@settings(max_examples=200, deadline=None)
@given(n=st.integers(0, 2000), seed=st.integers(0, 2**63 - 1), drawn=st.integers(0, 1300))
def test_a_shuffle_is_randperm_and_leaves_the_generator_where_it_does(n: int, seed: int, drawn: int) -> None:
    torchs = generator(seed, drawn)
    before = torchs.get_state().numpy()
    ours = native(torchs)
    expected = torch.randperm(n, generator=torchs).numpy()
    assert np.array_equal(Shuffle(n, ours).read(0, n), expected)
    ours.skip(shuffle_draws(n))
    assert ours == native(torchs)
    if n > 1:
        assert np.array_equal(ours.state(before), torchs.get_state().numpy())


@pytest.mark.parametrize("seed", [0, 1, 2**32 - 1, 2**32, 2**63 - 1])
def test_a_seed_means_what_it_means_to_torch(seed: int) -> None:
    assert Mt19937(seed) == native(generator(seed))


@pytest.mark.parametrize("drawn", [0, 1, 2, 623, 624, 625, 1248, 5000])
def test_a_state_that_comes_back_goes_on_as_torchs_does(drawn: int) -> None:
    ours = Mt19937(3)
    ours.skip(drawn)
    restored = generator(99)
    restored.set_state(torch.from_numpy(ours.state(restored.get_state().numpy())))
    assert torch.equal(torch.rand(2000, generator=restored), torch.rand(2000, generator=generator(3, drawn)))


def test_what_normal_distributions_keep_stays_in_the_state() -> None:
    torchs = generator(3)
    torch.randn(1, generator=torchs)  # one of two numbers, the other is kept
    twin = generator(0)
    twin.set_state(torchs.get_state())
    ours = native(torchs)
    ours.skip(shuffle_draws(10))
    torch.randperm(10, generator=torchs)
    twin.set_state(torch.from_numpy(ours.state(twin.get_state().numpy())))
    assert torch.equal(torch.randn(5, generator=twin), torch.randn(5, generator=torchs))


@settings(max_examples=50, deadline=None)
@given(n=st.integers(1, 100_000), seed=st.integers(0, 2**32), data=st.data())
def test_positions_may_be_read_in_any_order(n: int, seed: int, data: st.DataObject) -> None:
    expected = torch.randperm(n, generator=generator(seed)).numpy()
    shuffle = Shuffle(n, Mt19937(seed))
    for _ in range(5):
        start, stop = sorted(data.draw(st.tuples(st.integers(0, n), st.integers(0, n))))
        step = data.draw(st.integers(1, n))
        assert np.array_equal(shuffle.read(start, stop, step), expected[start:stop:step])


# torch.randperm takes half a minute for these lengths, so what it said is written down: the first four, and the CRC of
# the generator's state behind it; for the second the last four, too, and the CRC of every 1009th.
def test_both_ways_of_randperm_are_followed_where_they_meet() -> None:
    if available_bytes() < 6 << 30:
        pytest.skip("takes 1 GB of memory; less than 6 GB are available")
    assert Shuffle(LIMIT - 1, Mt19937(5)).read(0, 4).tolist() == [94459959, 22248453, 89044632, 134552128]
    assert state_checksum(LIMIT - 1) == 848729854
    shuffle = Shuffle(LIMIT, Mt19937(5))
    assert shuffle.read(0, 4).tolist() == [91252029, 200188117, 89143689, 193777243]
    assert shuffle.read(LIMIT - 4, LIMIT).tolist() == [138397897, 4461331, 91157322, 61735368]
    assert zlib.crc32(shuffle.read(0, LIMIT, 1009).tobytes()) == 2817936838
    assert state_checksum(LIMIT) == 1346553455


def state_checksum(n: int) -> int:
    """Of the state that randperm leaves a generator in whose seed is 5."""
    ours = Mt19937(5)
    ours.skip(shuffle_draws(n))
    return zlib.crc32(ours.state(generator(5).get_state().numpy()).tobytes())


def available_bytes() -> int:
    with open("/proc/meminfo") as file:
        return next(int(line.split()[1]) << 10 for line in file if line.startswith("MemAvailable"))


def test_too_long_a_shuffle_is_a_memory_error_that_names_the_bytes() -> None:
    with pytest.raises(MemoryError, match=f"{2**50} indices needs {2**53} bytes.*method='feistel'"):
        Shuffle(2**50, Mt19937(0))
    with pytest.raises(ValueError, match="length must be 0 to"):
        Shuffle(-1, Mt19937(0))


def test_positions_outside_are_refused() -> None:
    shuffle = Shuffle(10, Mt19937(0))
    with pytest.raises(IndexError, match="position 10 is out of bounds for length 10"):
        shuffle.read(0, 11)
    for start, step in ((-1, 1), (0, 0), (0, -2)):
        with pytest.raises(ValueError, match=f"start {start}, step {step}"):
            shuffle.read(start, 10, step)
    assert len(shuffle.read(5, 3)) == len(shuffle.read(10, 10)) == 0


def test_bytes_that_are_no_state_are_refused() -> None:
    state = generator(0).get_state().numpy()
    with pytest.raises(ValueError, match="has 5056 bytes, got 5055"):
        Mt19937.from_state(state[:-1])
    for offset in (8, 12):
        broken = state.copy()
        broken[offset : offset + 4] = 255
        with pytest.raises(ValueError, match="not the state"):
            Mt19937.from_state(broken)
    with pytest.raises(ValueError, match="contiguous bytes"):
        Mt19937.from_state(np.zeros(5056))


def test_threads_may_read_one_shuffle() -> None:
    n = 300_000
    expected = torch.randperm(n, generator=generator(7)).numpy()
    shuffle = Shuffle(n, Mt19937(7))

    def is_right(offset: int) -> bool:
        starts = range(offset, n - 1000, 7001)
        return all(np.array_equal(shuffle.read(at, at + 1000), expected[at : at + 1000]) for at in starts)

    with ThreadPoolExecutor(4) as threads:
        assert list(threads.map(is_right, (0, 100_000, 3, 50_000))) == [True] * 4


def test_a_long_read_lets_go_of_the_gil_and_can_be_interrupted() -> None:
    """Signals that nobody looks at are one when the read is over: three were seen while it ran."""
    code = (
        "import signal, sys, threading, time; from fastload._core import Mt19937, Shuffle\n"
        "beats, alarms = [], []\n"
        "def beat():\n"
        "    while True: time.sleep(0.01); beats.append(1)\n"
        "def alarm(*_):\n"
        "    alarms.append(1)\n"
        "    if len(alarms) > 2 and len(beats) > 2:\n"
        "        signal.setitimer(signal.ITIMER_REAL, 0)\n"
        "        raise KeyboardInterrupt\n"
        "threading.Thread(target=beat, daemon=True).start()\n"
        "sys.setswitchinterval(1000)  # a thread that keeps the GIL keeps it for good\n"
        "signal.signal(signal.SIGALRM, alarm)\n"
        "shuffle = Shuffle(50_000_000, Mt19937(0))\n"
        "beats.clear()\n"
        "try:\n"
        "    signal.setitimer(signal.ITIMER_REAL, 0.02, 0.02)\n"
        "    shuffle.read(49_999_999, 50_000_000)\n"
        "    signal.setitimer(signal.ITIMER_REAL, 0)\n"
        "except KeyboardInterrupt:\n"
        "    print('interrupted')\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout == "interrupted\n", done.stderr


def test_torchs_own_permutations_serve_where_the_stream_cannot_be_followed() -> None:
    expected = generator(3)
    wanted = [torch.randperm(10, generator=expected).numpy() for _ in range(4)]
    shared = generator(3)
    permutations = TorchPermutations(10, shared, 0)
    assert np.array_equal(permutations.read(2, 1, 9, 3), wanted[2][1:9:3])
    assert np.array_equal(permutations.read(0, 0, 10), wanted[0])
    permutations.draw(4)
    assert torch.equal(shared.get_state(), expected.get_state())
    assert np.array_equal(TorchPermutations(10, None, 3).read(0, 0, 10), wanted[0])
