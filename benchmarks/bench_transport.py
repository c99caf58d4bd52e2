"""How fast do large batches get from process workers to the consumer?"""

from benchmarks import _transport
from benchmarks._harness import GB, Row, Target, Unit
from benchmarks.conftest import Compare

ROW = Row(
    title="transport: 64 x 0.6 MB, 2 process workers",
    unit=Unit("GB/s", "rate", GB),
    conditions="the dataset returns one (3, 224, 224) float32 tensor; default collate; fork; the consumer "
    f"drops each batch untouched; {_transport.COUNTED} batches after the first {_transport.SKIPPED}.",
    limit_is="2 forked processes copy the same sample into 3 warm shared batches each (NumPy)",
    doubts="the limit is higher for fewer batches to go round, which the caches hold in part; a loader whose consumer "
    "drops each batch at once may need fewer than 3, and so pass 100%",
    must=Target("6x torch", times_torch=6),
    goal=Target("9x torch, 90% of the limit", times_torch=9, share_of_limit=0.9),
)


def bench_transport(compare: Compare) -> None:
    with _transport.sides(collate_fn=None) as sides:
        compare(ROW, sides)
