"""Joules, as the processor counts them (RAPL), where the system lets us read its counters; never a guess."""

from pathlib import Path

COUNTERS = Path("/sys/class/powercap")


class Energy:
    """What all processor packages have used since the last question, whoever made them work.

    A package is a folder `intel-rapl:N`, on AMD's processors too: microjoules in energy_uj, which begins anew at
    max_energy_range_uj. The parts of a package, `intel-rapl:N:M`, are in it already.
    """

    def __init__(self, counters: Path = COUNTERS) -> None:
        self._packages = sorted(path for path in counters.glob("intel-rapl:*") if path.name.count(":") == 1)
        self._before = self._read()

    def added_to(self, total: float | None) -> float | None:
        """A total with what was used since the last question; None where either is not known."""
        now, before = self._read(), self._before
        self._before = now
        if total is None or now is None or before is None:
            return None
        steps = zip(now, before, strict=True)
        return total + sum((at - was) % (span + 1) for (at, span), (was, _) in steps) / 1e6

    def _read(self) -> list[tuple[int, int]] | None:
        try:
            files = [(path / "energy_uj", path / "max_energy_range_uj") for path in self._packages]
            return [(int(at.read_text()), int(span.read_text())) for at, span in files] or None
        except (OSError, ValueError):
            return None
