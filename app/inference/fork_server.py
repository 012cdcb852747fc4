"""The process that decoders are forked from: a clean one, so that no child inherits a thread or a socket."""

import multiprocessing
from multiprocessing import forkserver
from multiprocessing.context import ForkServerContext


def fork_server() -> ForkServerContext:
    """Where decoder processes come from: quick to refill, for what a decoder needs is imported there."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["app.inference.decoder_imports"])
    return context


def start_fork_server() -> None:
    """Let it import now, beside this process, and not when the first decoder is asked for."""
    fork_server()
    forkserver.ensure_running()
