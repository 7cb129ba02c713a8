"""`python -m acetate.farm.pull ADDRESS KEY NAME`: fetch a model on every machine of a farm.

Writes a line of JSON for each machine as it is done: `{"machine", "problem"}`, the problem empty where it is there.
"""

from __future__ import annotations

import json
import socket
import sys
from pathlib import Path

from acetate_wire.errors import AcetateError
from acetate_wire.paths import state_dir

from acetate.farm.foreman_process import join_farm


def fetch_here(name: str, agreed: frozenset[str]) -> tuple[str, str]:
    """Fetch a model on this machine, whose licence is among the `agreed` ones: its host name, and what went wrong."""
    from acetate.models.hub_download import download_spec, plan_download
    from acetate.models.hub_fetch import fetch

    try:
        fetch(plan_download(download_spec(name)), agreed=agreed)
    except AcetateError as error:
        return socket.gethostname(), str(error)
    return socket.gethostname(), ""


def main(address: str, key: str, name: str) -> int:
    """Run it on all machines at the same time."""
    try:
        join_farm(address, Path(key), state_dir() / "farm")
    except AcetateError as error:
        print(error, file=sys.stderr)
        return 1
    import ray
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    from acetate.models.licences import agreed_licences

    agreed = agreed_licences()
    task = ray.remote(num_cpus=0)(fetch_here)
    waiting = {
        task.options(scheduling_strategy=NodeAffinitySchedulingStrategy(node["NodeID"], soft=False)).remote(
            name, agreed
        ): node
        for node in ray.nodes()
        if node["Alive"]
    }
    while waiting:
        [done], _ = ray.wait(list(waiting), num_returns=1)
        node = waiting.pop(done)
        try:
            machine, problem = ray.get(done)
        except ray.exceptions.RayError as error:
            machine, problem = node["NodeManagerHostname"], str(error).strip().splitlines()[-1]
        print(json.dumps({"machine": machine, "problem": problem}), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
