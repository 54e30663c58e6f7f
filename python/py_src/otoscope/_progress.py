"""A bar on standard error while many recordings are worked on."""

import sys
import time
from collections.abc import Callable

_WIDTH = 30
_PATIENCE_S = 0.5


def _wanted(progress: bool | None) -> bool:
    if progress is not None:
        return progress
    # A terminal, or a notebook, which shows the line as well.
    return sys.stderr.isatty() or "ipykernel" in sys.modules


class Bar:
    """Called with how many are done; draws at most ten times a second, and nothing for work that is over at once."""

    def __init__(self, total: int, what: str) -> None:
        """Begin."""
        self.total, self.what, self.start, self.drawn = total, what, time.monotonic(), 0

    def __call__(self, done: int) -> None:
        """Draw."""
        passed = time.monotonic() - self.start
        if passed < _PATIENCE_S or not self.total:
            return
        full = _WIDTH * done // self.total
        rest = f", {passed / done * (self.total - done):.0f} s left" if 0 < done < self.total else ""
        line = f"{'█' * full}{'·' * (_WIDTH - full)} {done}/{self.total} {self.what}{rest}"
        pad = " " * max(self.drawn - len(line), 0)
        print(f"\r{line}{pad}", end="", file=sys.stderr, flush=True)
        self.drawn = len(line)

    def close(self) -> None:
        """End the line."""
        if self.drawn:
            print(file=sys.stderr, flush=True)


def bar(
    progress: bool | Callable[[int, int], object] | None, total: int, what: str
) -> Bar | Callable[[int], object] | None:
    """Make what the work calls: a bar, the caller's own function of (done, total), or nothing."""
    if callable(progress):
        return lambda done: progress(done, total)
    return Bar(total, what) if _wanted(progress) else None
