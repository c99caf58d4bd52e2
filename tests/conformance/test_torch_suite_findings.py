"""What torch's own tests of its loader brought to light in fastload."""

from typing import Any

import pytest
from support.loader import DataLoader, only_fastload
from torch.utils.data import Dataset, get_worker_info
from torch.utils.data._utils.worker import WorkerInfo


class WorkerMethod(Dataset):
    def __len__(self) -> int:
        return 2

    def __getitem__(self, index: int) -> Any:
        info = get_worker_info()
        assert info is not None
        return info.worker_method


@only_fastload
@pytest.mark.skipif(not hasattr(WorkerInfo, "worker_method"), reason="this torch does not tell how workers run")
@pytest.mark.parametrize(("worker_type", "told"), [("process", "multiprocessing"), ("thread", "thread")])
def test_worker_info_tells_whether_the_worker_is_a_process_or_a_thread(worker_type: str, told: str) -> None:
    loader = DataLoader(WorkerMethod(), num_workers=1, batch_size=None, worker_type=worker_type)
    assert list(loader) == [told, told]
