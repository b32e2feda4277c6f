"""Seeds judged by processes that may die, hang or grow: none of it stops the run.

    for seed, verdict in judged_by_workers(range(100000), 2, "srcdiff", FEATURES): ...

A worker gets a few seeds at a time and answers for each. One that gives no answer for minutes is
killed, one that dies is replaced, and the seed it was at has "crashed"; after so many programs each
is replaced, so that memory stays bounded. Progress goes to the standard error.
"""

import multiprocessing
import os
import sys
import time
import warnings
from collections import Counter
from collections.abc import Iterator
from multiprocessing.connection import Connection, wait
from typing import Any

import numpy as np

from tests.judge import Verdict

PATIENCE = 300.0  # seconds for one program, by the clock: the machine may be busy
CHUNK = 20
LIFE = 2000  # programs a worker judges
MEMORY = 4 << 30  # bytes of address space


def work(pipe: Connection, tool: str, features: frozenset[str]) -> None:
    """In the worker: seeds in, (seed, outcome, detail, name of the exception) out."""
    from tests.fuzz import TOOLS, judge_seed

    try:
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    except (ImportError, ValueError, OSError):
        pass
    sys.stdout = open(os.devnull, "w")  # programs may print
    warnings.simplefilter("ignore")
    np.seterr(all="ignore")
    while True:
        try:
            seeds = pipe.recv()
        except (EOFError, KeyboardInterrupt):
            return
        for seed in seeds:
            try:
                verdict = judge_seed(seed, TOOLS[tool], features)
            except KeyboardInterrupt:
                return
            except Exception as error:  # of the fuzzer itself
                text = f"in the fuzzer: {type(error).__name__}: {error}"
                verdict = Verdict("crashed", text, error=error)
            error_name = type(verdict.error).__name__ if verdict.error else ""
            pipe.send((seed, verdict.outcome, verdict.detail[:4000], error_name))


class Worker:
    def __init__(self, tool: str, features: frozenset[str]):
        context = multiprocessing.get_context("spawn")
        self.pipe, theirs = context.Pipe()
        self.process = context.Process(target=work, args=(theirs, tool, features), daemon=True)
        self.process.start()
        theirs.close()
        self.left: list[int] = []  # seeds that it owes an answer for
        self.done = 0
        self.heard = time.monotonic()

    def give(self, seeds: list[int]) -> None:
        self.left, self.heard = seeds, time.monotonic()
        self.pipe.send(seeds)

    def stop(self) -> None:
        self.process.kill()
        self.process.join()
        self.pipe.close()


def judged_by_workers(
    seeds: range, jobs: int, tool: str, features: frozenset[str]
) -> Iterator[tuple[int, Verdict]]:
    """(seed, verdict) in the order in which they come."""
    chunks = iter([list(seeds[i : i + CHUNK]) for i in range(0, len(seeds), CHUNK)])
    workers = [Worker(tool, features) for _ in range(max(1, min(jobs, len(seeds) // 10)))]
    progress = Progress(len(seeds))
    try:
        for worker in workers:
            worker.give(next(chunks, []))
        while any(worker.left for worker in workers):
            busy = {w.pipe: w for w in workers if w.left}
            heard: list[Any] = wait(list(busy), timeout=1.0)
            for pipe in heard:
                yield from progress.of(heard_from(busy[pipe]))
            for i, worker in enumerate(workers):
                if worker.left and (
                    not worker.process.is_alive()
                    and not worker.pipe.poll()
                    or time.monotonic() - worker.heard > PATIENCE
                ):
                    yield from progress.of(lost(worker))
                    workers[i] = replaced(worker, tool, features, worker.left[1:])
                worker = workers[i]
                if not worker.left:
                    if worker.done >= LIFE:
                        workers[i] = worker = replaced(worker, tool, features, [])
                    chunk = next(chunks, [])
                    if chunk:
                        worker.give(chunk)
    finally:
        progress.end()
        for worker in workers:
            worker.stop()


def heard_from(worker: Worker) -> list[tuple[int, Verdict]]:
    try:
        seed, outcome, detail, error_name = worker.pipe.recv()
    except EOFError:
        return []  # it died, which is seen next
    worker.left.remove(seed)
    worker.done += 1
    worker.heard = time.monotonic()
    error = type(error_name, (Exception,), {})() if error_name else None
    return [(seed, Verdict(outcome, detail, error=error))]


def lost(worker: Worker) -> list[tuple[int, Verdict]]:
    code = worker.process.exitcode
    text = f"no answer in {PATIENCE:g} s" if code is None else f"the process died with {code}"
    return [(worker.left[0], Verdict("crashed", text))]


def replaced(worker: Worker, tool: str, features: frozenset[str], left: list[int]) -> Worker:
    worker.stop()
    new = Worker(tool, features)
    if left:
        new.give(left)
    return new


class Progress:
    """A line on the standard error, renewed in place on a terminal and now and then elsewhere."""

    def __init__(self, total: int):
        self.total, self.start, self.shown = total, time.monotonic(), time.monotonic()
        self.counts: Counter[str] = Counter()
        self.pause = 1.0 if sys.stderr.isatty() else 60.0

    def of(self, results: list[tuple[int, Verdict]]) -> Iterator[tuple[int, Verdict]]:
        for seed, verdict in results:
            self.counts[verdict.outcome] += 1
            if verdict.outcome in ("wrong", "crashed"):  # at once, in case the run is stopped
                print(f"seed {seed}: {verdict}"[:200], file=sys.stderr, flush=True)
            yield seed, verdict
        if time.monotonic() - self.shown > self.pause:
            self.show()

    def show(self) -> None:
        self.shown = time.monotonic()
        done = self.counts.total()
        speed = done / (self.shown - self.start)
        parts = [f"{done} of {self.total}", f"{speed:.0f} a second"]
        parts += [f"{count} {outcome}" for outcome, count in self.counts.most_common()]
        end = "\r" if sys.stderr.isatty() else "\n"
        print(", ".join(parts), end=end, file=sys.stderr, flush=True)

    def end(self) -> None:
        self.show()
        if sys.stderr.isatty():
            print(file=sys.stderr)
