"""Progress with time left, for long commands."""

from __future__ import annotations

import sys
import time


class Clock:
    """Progress with time left, on stderr: a line at most every two seconds."""

    def __init__(self, total: int, what: str):
        self.total, self.what, self.done = total, what, 0
        self.started = self.printed = time.monotonic()

    def step(self, note: str = "") -> None:
        self.done += 1
        now = time.monotonic()
        if now - self.printed < 2 and self.done < self.total:
            return
        self.printed = now
        left = (now - self.started) / self.done * (self.total - self.done)
        print(f"{self.what} {self.done}/{self.total}, {left:.0f} s left {note}", file=sys.stderr, flush=True)
