"""Whether counts are those of given probabilities, but for what chance explains."""

from typing import Any

import numpy as np
from numpy.typing import NDArray


def chi_squared_limit(degrees: int) -> float:
    """What a chi-squared variable exceeds once in a million times: Wilson and Hilferty, PNAS 17 (1931)."""
    return float(degrees * (1 - 2 / (9 * degrees) + 4.76 * (2 / (9 * degrees)) ** 0.5) ** 3)


def assert_distributed(counts: NDArray[Any], probabilities: NDArray[np.float64]) -> None:
    assert counts[probabilities == 0].sum() == 0
    counts, expected = counts[probabilities > 0], probabilities[probabilities > 0] * counts.sum()
    assert expected.min() > 20
    assert len(counts) == 1 or ((counts - expected) ** 2 / expected).sum() < chi_squared_limit(len(counts) - 1)
