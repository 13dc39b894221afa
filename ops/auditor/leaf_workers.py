"""Partitions are checked by processes beside each other, which never outlive whoever started them.

Each of them holds the seal key. So they are stopped at once when the audit is interrupted or fails, even while they
wait for Postgres, and end by themselves when it is killed.
"""

import contextlib
import os
import signal
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing import active_children, get_context, parent_process

from ops.auditor.leaf_check import Leaf, LeafCheck, check_leaf


def check_leaves(leaves: Sequence[Leaf], key: bytes, jobs: int) -> Iterator[LeafCheck]:
    """As they are done, by so many processes; the first that fails ends it. Raises psycopg.Error, BrokenExecutor."""
    if jobs == 1:
        yield from (check_leaf(leaf, key) for leaf in leaves)
        return
    pool = ProcessPoolExecutor(jobs, get_context("spawn"), _end_with_parent)
    try:
        with _interrupts_held():
            checks = [pool.submit(check_leaf, leaf, key) for leaf in leaves]
        for done in as_completed(checks):
            yield done.result()
    except BaseException:
        for worker in active_children():
            worker.terminate()
        raise
    finally:
        pool.shutdown(cancel_futures=True)


@contextlib.contextmanager
def _interrupts_held() -> Iterator[None]:
    """What is started meanwhile never sees Ctrl-C, which goes to all processes of a terminal: one of them tells."""
    held = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, held)


def _end_with_parent() -> None:
    parent = parent_process()
    assert parent

    def watch() -> None:
        parent.join()
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
