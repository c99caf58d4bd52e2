"""Machines that give little: /dev/shm of 1 MB, few descriptors, no room for more memory."""

import resource
import subprocess
from functools import cache
from pathlib import Path

import pytest
from support.loader import only_fastload
from support.scripts import run_script

SMALL_SHM = 'mount -t tmpfs -o size=1m none /dev/shm && exec "$@"'

EPOCHS = """
for options in ({{}}, dict(num_workers=2), dict(num_workers=2, persistent_workers=True){more}):
    kept = [batch for _ in range(2) for batch in DataLoader(Images(24), batch_size=4, **options)]
    for position, (images, labels) in enumerate(kept):
        assert labels.tolist() == list(range(position % 6 * 4, position % 6 * 4 + 4))
        assert all(int(image.max()) == int(image.min()) == int(label) for image, label in zip(images, labels))
    print(len(kept))
"""


@cache
def may_unshare() -> bool:
    command = ["unshare", "-m", "sh", "-c", "mount -t tmpfs -o size=1m none /dev/shm"]
    try:
        return subprocess.run(command, capture_output=True, check=False).returncode == 0
    except FileNotFoundError:
        return False


needs_unshare = pytest.mark.skipif(not may_unshare(), reason="`unshare -m` and a tmpfs mount are not permitted here")


@only_fastload
@needs_unshare
def test_a_dev_shm_of_one_megabyte_is_enough(tmp_path: Path) -> None:
    prefix = ("unshare", "-m", "sh", "-c", SMALL_SHM, "sh")
    more = ", dict(num_workers=2, worker_type='thread')"
    body = "shm = os.statvfs('/dev/shm')\nassert shm.f_blocks * shm.f_frsize == 1 << 20\n" + EPOCHS.format(more=more)
    assert run_script(tmp_path, body, prefix) == (0, 4 * "12\n", "")


@only_fastload
@needs_unshare
@pytest.mark.parametrize("method", ["forkserver", "spawn"])
def test_other_start_methods_need_no_more_of_it(method: str, tmp_path: Path) -> None:
    prefix = ("unshare", "-m", "sh", "-c", SMALL_SHM, "sh")
    body = f"print(len(list(DataLoader(Images(24), batch_size=4, num_workers=1, multiprocessing_context={method!r}))))"
    assert run_script(tmp_path, body, prefix) == (0, "6\n", "")


@only_fastload
@needs_unshare
def test_an_own_collate_function_and_odd_tensors_need_no_more_of_it(tmp_path: Path) -> None:
    prefix = ("unshare", "-m", "sh", "-c", SMALL_SHM, "sh")
    body = """
    def collate(samples):
        stacked = torch.stack([image for image, _ in samples]).float()
        return {"turned": stacked.transpose(1, 3), "view": stacked[1:], "array": stacked.numpy() + 1}

    for index, batch in enumerate(DataLoader(Images(24), batch_size=4, num_workers=2, collate_fn=collate)):
        assert batch["turned"].shape == (4, 320, 320, 3)
        assert batch["view"].unique().tolist() == [4 * index + 1, 4 * index + 2, 4 * index + 3]
        assert batch["array"].max() == 4 * index + 4
    print("well")
    """
    assert run_script(tmp_path, body, prefix) == (0, "well\n", "")


@only_fastload
def test_forty_descriptors_are_enough_for_an_epoch_that_is_kept(tmp_path: Path) -> None:
    """Three standard ones, what torch has open, and a few for each worker; none for a batch."""
    body = """
    import resource

    list(DataLoader(Numbers(2)))
    used = max(int(name) for name in os.listdir("/proc/self/fd"))
    resource.setrlimit(resource.RLIMIT_NOFILE, (used + 36, used + 36))
    for more in ({}, {"persistent_workers": True}):
        kept = list(DataLoader(Images(240), batch_size=4, num_workers=2, **more))
        assert all(int(images[0, 0, 0, 0]) == int(labels[0]) for images, labels in kept)
        print(len(kept))
    """
    assert run_script(tmp_path, body) == (0, "60\n60\n", "")


@only_fastload
def test_too_few_descriptors_is_an_error_that_says_so_and_leaves_nothing(tmp_path: Path) -> None:
    body = """
    import resource
    from support.resources import descendants, descriptors, wait_until

    list(DataLoader(Numbers(2)))
    iter(DataLoader(Numbers(2), num_workers=1))
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    before = descriptors()
    used = max(number for number, _ in before)
    failures = 0
    for room in range(1, 14):
        resource.setrlimit(resource.RLIMIT_NOFILE, (used + room, limits[1]))
        try:
            assert len(list(DataLoader(Images(12), batch_size=4, num_workers=2))) == 3
        except (OSError, RuntimeError) as error:
            assert "open files" in str(error), error
            failures += room > 4  # below that there is room for no worker at all
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)
        assert wait_until(lambda: not descendants()), descendants()
        # A fork that multiprocessing cannot finish for want of a second pipe leaves it the first.
        left = descriptors() - before
        assert len(left) <= 2 * failures, left
        assert all("pipe" in target for _, target in left), left
    print("well")
    """
    assert run_script(tmp_path, body) == (0, "well\n", "")


@only_fastload
def test_no_room_for_files_is_an_error_or_a_batch_and_never_a_bus_error(tmp_path: Path) -> None:
    """A memfd is a file, so a limit on file sizes is a limit on slots."""
    body = """
    import resource, signal

    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, 1 << 20))
    try:
        kept = list(DataLoader(Images(24), batch_size=4, num_workers=2))
        assert all(int(images[0, 0, 0, 0]) == int(labels[0]) for images, labels in kept)
    except (MemoryError, RuntimeError, OSError) as error:
        assert "killed" not in str(error), error
    print("well")
    """
    assert run_script(tmp_path, body) == (0, "well\n", "")


@only_fastload
def test_no_address_space_is_a_memory_error_and_never_a_crash(tmp_path: Path) -> None:
    body = """
    import resource

    loader = DataLoader(Images(64, (3, 1024, 1024)), batch_size=16, num_workers=2)
    next(iter(loader))
    with open("/proc/self/statm") as statm:
        pages = int(statm.read().split()[0])
    limit = pages * resource.getpagesize() + (300 << 20)
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    try:
        kept = [batch for _ in range(4) for batch in loader]
        print(len(kept))
    except (MemoryError, RuntimeError, OSError) as error:
        assert "killed" not in str(error), error
        print("refused")
    """
    status, out, err = run_script(tmp_path, body)
    assert (status, err) == (0, "")
    assert out in ("16\n", "refused\n")


def test_the_limits_of_this_process_are_as_they_were() -> None:
    assert resource.getrlimit(resource.RLIMIT_FSIZE)[0] == resource.RLIM_INFINITY
