"""`python -m acetate.farm.foreman_process`: connects a daemon to its farm.

It reads one line of JSON from standard input, as a worker does, and ends when that input closes.
"""

from __future__ import annotations

import json
import logging
import os
import sys
import threading
from pathlib import Path

import zmq
from acetate_wire.errors import AcetateError

from acetate import logs
from acetate.farm.key import FarmKey
from acetate.farm.machine import own_address
from acetate.worker.worker import answer_questions, connect, end_with_daemon

log = logging.getLogger("acetate.farm")


def main() -> int:
    """Connect to the daemon and to the farm, and serve; 1 when the farm cannot be reached, which the log tells of."""
    setup = json.loads(sys.stdin.buffer.readline())
    logs.log_to_file(Path(setup["log"]), setup["log_level"], with_output=True)
    threading.Thread(target=end_with_daemon, daemon=True).start()
    context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
    alive = connect(context, setup, setup["alive"])
    threading.Thread(target=answer_questions, args=(alive,), daemon=True).start()
    daemon = connect(context, setup, setup["endpoint"])
    try:
        join_farm(setup["address"], Path(setup["key"]), Path(setup["folder"]))
    except AcetateError as error:
        log.error("%s", error)
        return 1
    from acetate.farm.foreman import Foreman

    Foreman(context, daemon, setup["engine"], setup["version"]).run()
    daemon.close(linger=1000)
    return 0


def join_farm(address: str, key: Path, folder: Path) -> None:
    """Connect this process to Ray. `folder` gets what Ray reads of the key. Raises AcetateError."""
    host = own_address(address)
    # Ray reads these when it is imported.
    os.environ.update(FarmKey.load(key).environment(folder, host))
    import ray

    log.info("connecting to the farm at %s from %s", address, host)
    try:
        ray.init(
            address=address, _node_ip_address=host, namespace="acetate", log_to_driver=False, configure_logging=False
        )
    except (ConnectionError, RuntimeError, ray.exceptions.RayError) as error:
        reason = " ".join(str(error).split())[:300]
        raise AcetateError(
            "not_allowed",
            f"the farm at {address} cannot be joined ({reason})",
            hint="is `acetate farm start` or `acetate farm join` running on this machine, with the same key?",
            retry=True,
        ) from None


if __name__ == "__main__":
    code = main()
    logging.shutdown()
    # The thread that waits at standard input would keep the interpreter from ending in order.
    os._exit(code)
