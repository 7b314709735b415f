"""Reconstruction kernels: whether a name means a soft or a sharp one. The names are in ``knowledge/kernels.yaml``."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from calciscope.domain.knowledge import table

# Several kernel values of one image stand apart by a backslash in DICOM and by a slash in `Acquisition.kernel`.
_PARTS = re.compile(r"[\\/,;]")


@dataclass(frozen=True, slots=True)
class _Vendor:
    manufacturer: re.Pattern[str]
    general: bool
    soft: tuple[re.Pattern[str], ...]
    sharp: tuple[re.Pattern[str], ...]

    def sharp_or_soft(self, kernel: str) -> bool | None:
        if any(pattern.fullmatch(kernel) for pattern in self.sharp):
            return True
        if any(pattern.fullmatch(kernel) for pattern in self.soft):
            return False
        return None


@lru_cache(maxsize=1)
def _vendors() -> tuple[_Vendor, ...]:
    known = table("kernels.yaml")

    def compiled(patterns: list[str]) -> tuple[re.Pattern[str], ...]:
        return tuple(re.compile(pattern, re.IGNORECASE) for pattern in patterns)

    return tuple(
        _Vendor(
            re.compile(entry["manufacturer"], re.IGNORECASE),
            not entry["manufacturer"],
            compiled(entry["soft"]),
            compiled(entry["sharp"]),
        )
        for entry in known["vendors"]
    )


@lru_cache(maxsize=256)
def kernel_is_sharp(manufacturer: str | None, kernel: str | None) -> bool | None:
    """Whether a reconstruction kernel is sharp (``True``), soft (``False``) or not known (``None``).

    ``manufacturer`` and ``kernel`` are as in the header; of a kernel with several parts (``Br38f/3``) the first counts.
    Without a known manufacturer a verdict is given only where all vendors that know the name agree.
    Source: ``knowledge/kernels.yaml``.
    """
    name = _PARTS.split(kernel)[0].strip() if kernel else ""
    if not name:
        return None
    own = [v for v in _vendors() if not v.general and manufacturer and v.manufacturer.search(manufacturer)]
    verdicts = {v.sharp_or_soft(name) for v in own or _vendors()} - {None}
    if own and not verdicts:
        verdicts = {v.sharp_or_soft(name) for v in _vendors() if v.general} - {None}
    return verdicts.pop() if len(verdicts) == 1 else None
