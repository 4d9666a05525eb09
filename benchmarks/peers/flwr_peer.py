"""Flower's SecAgg+ (flwr 1.41), its own functions called one after another, in one process.

Run by `peers.py` with the Python of the peers' environment; imports nothing of ours. Full graph and
the threshold of our own protocol, 32-bit modulus. A client's step is `_collect_masked_vectors`,
which quantises; the server's is `unmask_stage` with answers that lie ready.
"""

import importlib
import logging
import os
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

os.environ["FLWR_TELEMETRY_ENABLED"] = "0"

import numpy as np
from flwr.common import bytes_to_ndarray, ndarrays_to_parameters
from flwr.common.secure_aggregation.ndarrays_arithmetic import parameters_addition, parameters_mod
from flwr.common.secure_aggregation.secaggplus_constants import RECORD_KEY_CONFIGS, Key
from flwr.server.workflow.constant import MAIN_CONFIGS_RECORD, MAIN_PARAMS_RECORD
from flwr.server.workflow.constant import Key as WorkflowKey
from flwr.server.workflow.secure_aggregation import secaggplus_workflow as server

from answering import Answer, given, serve

# By its full name: the package has a function of the same name.
client: Any = importlib.import_module("flwr.client.mod.secure_aggregation.secaggplus_mod")
# What would be sent is made of less: transport is none of what is measured here.
server.Message = SimpleNamespace
logging.getLogger("flwr").setLevel(logging.ERROR)
CLIP = 1.0
MODULUS = 1 << 32


def step(name: str) -> Callable[..., Any]:
    """Return a client's step, which has no public name."""
    found: Callable[..., Any] = getattr(client, name)
    return found


class Round:
    """One round of all clients, brought to where a step begins."""

    def __init__(self, parties: int, dim: int, bits: int, seed: int) -> None:
        """Run set-up and sharing for every client."""
        self.ids = list(range(1, parties + 1))
        self.threshold = 2 * parties // 3 + 1
        self.reals = np.random.default_rng(seed).uniform(-1, 1, dim).astype(np.float32)
        self.target = 1 << bits
        self.parameters = ndarrays_to_parameters([self.reals])
        self.states = {nid: client.SecAggPlusState(nid=nid) for nid in self.ids}
        config = {
            Key.SAMPLE_NUMBER: parties,
            Key.SHARE_NUMBER: parties,
            Key.THRESHOLD: self.threshold,
            Key.CLIPPING_RANGE: CLIP,
            Key.TARGET_RANGE: self.target,
            Key.MOD_RANGE: MODULUS,
            Key.MAX_WEIGHT: 1.0,
        }
        keys = {}
        for nid, state in self.states.items():
            found = step("_setup")(state, config)
            keys[nid] = (found[Key.PUBLIC_KEY_1], found[Key.PUBLIC_KEY_2])
        self.keys = keys
        self.sent: dict[int, list[tuple[int, bytes]]] = {nid: [] for nid in self.ids}
        for nid, state in self.states.items():
            found = step("_share_keys")(state, {str(other): keys[other] for other in self.ids})
            pairs = zip(found[Key.DESTINATION_LIST], found[Key.CIPHERTEXT_LIST], strict=True)
            for target, text in pairs:
                self.sent[target].append((nid, text))
        self.sums: dict[int, Any] = {}

    def mask(self, nid: int = 1) -> list[bytes]:
        """Take a client's largest step and return what it sends."""
        texts = {
            Key.CIPHERTEXT_LIST: [text for _, text in self.sent[nid]],
            Key.SOURCE_LIST: [source for source, _ in self.sent[nid]],
        }
        found = step("_collect_masked_vectors")(self.states[nid], texts, 1, self.parameters)
        sent: list[bytes] = found[Key.MASKED_PARAMETERS]
        return sent

    def ready(self, gone: int) -> Any:
        """Return the server's state before it unmasks, the last `gone` clients having dropped."""
        left = self.ids[: len(self.ids) - gone]
        if gone not in self.sums:
            total: Any = None
            for nid in left:
                vector = [bytes_to_ndarray(part) for part in self.mask(nid)]
                total = vector if total is None else parameters_addition(total, vector)
            self.sums[gone] = parameters_mod(total, MODULUS)
        state = server.WorkflowState()
        state.sampled_node_ids, state.active_node_ids = set(self.ids), set(left)
        state.num_shares, state.threshold = len(self.ids), self.threshold
        state.clipping_range, state.quantization_range = CLIP, self.target
        state.mod_range, state.max_weight = MODULUS, 1.0
        state.nid_to_neighbours = {nid: set(left) | {nid} for nid in self.ids}
        state.nid_to_publickeys = {nid: list(keys) for nid, keys in self.keys.items()}
        state.aggregate_ndarrays = [part.copy() for part in self.sums[gone]]
        state.legacy_results = [(None, SimpleNamespace(parameters=None))]
        return state

    def unmask(self, state: Any) -> Any:
        """Take the server's last stage."""
        dead = sorted(state.sampled_node_ids - state.active_node_ids)
        left = sorted(state.active_node_ids)
        answers = []
        for nid in left:
            lists = {Key.ACTIVE_NODE_ID_LIST: left, Key.DEAD_NODE_ID_LIST: dead}
            found = step("_unmask")(self.states[nid], lists)
            answers.append(
                SimpleNamespace(
                    has_error=lambda: False,
                    content=SimpleNamespace(config_records={RECORD_KEY_CONFIGS: found}),
                    metadata=SimpleNamespace(src_node_id=nid),
                )
            )
        result: list[Any] = []

        def aggregate(_round: int, results: Any, _failures: Any) -> tuple[None, dict[str, Any]]:
            result.append(results[0][1].parameters)
            return None, {}

        records = {MAIN_CONFIGS_RECORD: {WorkflowKey.CURRENT_ROUND: 1}}
        context: Any = SimpleNamespace(
            state=SimpleNamespace(config_records=records, array_records={MAIN_PARAMS_RECORD: None}),
            strategy=SimpleNamespace(aggregate_fit=aggregate),
        )
        grid: Any = SimpleNamespace(send_and_receive=lambda *_, **__: answers)
        flow = server.SecAggPlusWorkflow(num_shares=1.0, reconstruction_threshold=self.threshold)
        flow.unmask_stage(grid, context, state)
        return result[0]


def main() -> None:
    """Answer each line."""
    asked = given()
    round_ = Round(asked["parties"], asked["dim"], asked["bits"], asked["seed"])
    states: list[Any] = []

    def ready(gone: str) -> Answer:
        states[:] = [round_.ready(int(gone))]
        return {}

    def unmask(_: str) -> Answer:
        found = round_.unmask(states[0])
        last = bytes_to_ndarray(found.tensors[0])
        error = float(np.abs(last - round_.reals).max())
        return {"arrays": len(found.tensors), "error": error}

    serve(
        {
            "mask": lambda _: {"bytes": sum(map(len, round_.mask()))},
            "ready": ready,
            "unmask": unmask,
        }
    )


if __name__ == "__main__":
    main()
