"""OPRF and VOPRF: RFC 9497 vectors, then properties, then what a bad peer may send."""

import dataclasses
import functools
import json
import secrets
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from unseen.protocols.errors import (
    BatchSizeError,
    CountMismatchError,
    ElementInvalidError,
    InputInvalidError,
    MalformedMessageError,
    ProofInvalidError,
    ScalarInvalidError,
)
from unseen.protocols.group import ristretto255
from unseen.protocols.oprf import MAX_BATCH, Mode, client, dleq, finalize, keys, server
from unseen.protocols.oprf.suite import Weights
from unseen.protocols.testing import check_oprf, drive_oprf, seeded_rng

FOLDER = Path(__file__).parents[2] / "vectors"
SUITES = [
    json.loads((FOLDER / f"oprf/{mode}_rfc9497.json").read_text()) for mode in ("oprf", "voprf")
]
CASES = [pytest.param(suite, case, id=case["name"]) for suite in SUITES for case in suite["cases"]]
INVALID = [
    bytes.fromhex(encoding)
    for kind in json.loads((FOLDER / "group/ristretto255_rfc9496.json").read_text())[
        "invalid"
    ].values()
    for encoding in kind
]
KEY = keys.generate(seeded_rng(1))
GENERATOR = ristretto255.GENERATOR
UPPER_BIT = GENERATOR[:-1] + bytes([GENERATOR[-1] | 0x80])
HOSTILE = [*INVALID, ristretto255.IDENTITY, UPPER_BIT, b"", GENERATOR[:31], GENERATOR + b"\x00"]
inputs = st.lists(st.binary(max_size=40), min_size=1, max_size=5)


def unhex(items: list[str]) -> tuple[bytes, ...]:
    return tuple(bytes.fromhex(item) for item in items)


@pytest.mark.parametrize("suite", SUITES, ids=["oprf", "voprf"])
def test_derived_keys_match_rfc_9497(suite: dict[str, Any]) -> None:
    key = keys.derive(bytes.fromhex(suite["seed"]), bytes.fromhex(suite["info"]), suite["mode"])
    assert key.scalar.hex() == suite["private_key"]
    assert key.public_key.hex() == suite.get("public_key", key.public_key.hex())
    assert keys.PrivateKey.from_scalar(key.scalar) == key


@pytest.mark.parametrize(("suite", "case"), CASES)
def test_transcripts_match_rfc_9497(suite: dict[str, Any], case: dict[str, Any]) -> None:
    mode = Mode(suite["mode"])
    key = keys.PrivateKey.from_scalar(bytes.fromhex(suite["private_key"]))
    # 32 zero bytes above make the 64 bytes from which a drawn scalar is reduced.
    draws = [item + bytes(32) for item in unhex(case["blinds"])]
    blinded = client.blind(unhex(case["inputs"]), mode, lambda _: draws.pop(0))
    assert blinded.elements == unhex(case["blinded"])
    nonce = bytes.fromhex(case.get("proof_nonce", "")) + bytes(32)
    evaluation = server.evaluate(key, blinded.elements, mode, lambda _: nonce, Weights.RFC9497)
    assert evaluation.elements == unhex(case["evaluated"])
    assert evaluation.proof.hex() == case.get("proof", "")
    public_key = key.public_key if mode is Mode.VOPRF else None
    finished = blinded.finish(evaluation, public_key, Weights.RFC9497)
    assert finished == unhex(case["outputs"])
    for data, output in zip(unhex(case["inputs"]), unhex(case["outputs"]), strict=True):
        assert server.evaluate_input(key, data, mode) == output


@pytest.mark.parametrize(("suite", "case"), CASES)
def test_one_item_opens_alone(suite: dict[str, Any], case: dict[str, Any]) -> None:
    fields = ("inputs", "blinds", "blinded", "evaluated", "outputs")
    for row in zip(*(unhex(case[name]) for name in fields), strict=True):
        data, blind, blinded, evaluated, output = row
        assert client.recompute(data, blind, Mode(suite["mode"])) == blinded
        assert client.unblind_one(data, blind, evaluated) == output


def test_recompute_is_about_voprf_unless_told_otherwise() -> None:
    blind = ristretto255.random_scalar(seeded_rng(2))
    assert client.recompute(b"x", blind) == client.recompute(b"x", blind, Mode.VOPRF)
    assert client.recompute(b"x", blind) != client.recompute(b"x", blind, Mode.OPRF)


@settings(max_examples=15, deadline=None)
@given(inputs, st.sampled_from(Mode), st.integers(0, 2**64))
def test_blind_and_direct_evaluation_agree(items: list[bytes], mode: Mode, seed: int) -> None:
    check_oprf(items, keys.generate(seeded_rng(seed)), seeded_rng(seed + 1), mode)


@settings(max_examples=10, deadline=None)
@given(inputs)
def test_two_requests_for_the_same_inputs_share_no_element(items: list[bytes]) -> None:
    first, second = (client.blind(items, Mode.VOPRF, secrets.token_bytes) for _ in range(2))
    assert set(first.elements).isdisjoint(second.elements)
    assert len(set(first.elements)) == len(items)


def test_modes_and_keys_give_unrelated_outputs() -> None:
    outputs = {
        server.evaluate_input(key, b"x", mode)
        for key in (KEY, keys.generate(seeded_rng(3)))
        for mode in Mode
    }
    assert len(outputs) == 4


def test_a_transcript_counts_what_was_sent() -> None:
    outputs, transcript = drive_oprf([b"a", b"b", b"c"], KEY, seeded_rng(4))
    assert len(outputs) == 3
    assert transcript.rounds == 1
    assert transcript.bytes_from("client") == 3 * 32
    assert transcript.bytes_from("server") == 3 * 32 + 64
    _, transcript = drive_oprf([b"a"], KEY, seeded_rng(4), mode=Mode.OPRF)
    assert transcript.bytes_from("server") == 32


@pytest.mark.parametrize("count", [0, MAX_BATCH + 1])
def test_batches_out_of_range_are_refused(count: int) -> None:
    with pytest.raises(BatchSizeError) as caught:
        server.evaluate(KEY, [GENERATOR] * count, Mode.VOPRF, secrets.token_bytes)
    assert (caught.value.found, caught.value.limit) == (count, 4096)
    with pytest.raises(BatchSizeError):
        client.blind([b""] * count, Mode.VOPRF, secrets.token_bytes)


def test_the_largest_batch_is_accepted() -> None:
    evaluation = server.evaluate(KEY, [GENERATOR] * MAX_BATCH, Mode.OPRF, secrets.token_bytes)
    assert evaluation.elements == (KEY.public_key,) * MAX_BATCH


@pytest.mark.parametrize("element", HOSTILE, ids=lambda e: e.hex()[:16] or "empty")
@pytest.mark.parametrize("mode", list(Mode))
def test_the_server_refuses_bad_elements(element: bytes, mode: Mode) -> None:
    with pytest.raises(ElementInvalidError) as caught:
        server.evaluate(KEY, [GENERATOR, element, GENERATOR], mode, secrets.token_bytes)
    assert caught.value.position == 1


@pytest.mark.parametrize("element", HOSTILE, ids=lambda e: e.hex()[:16] or "empty")
@pytest.mark.parametrize("mode", list(Mode))
def test_the_client_refuses_bad_elements(element: bytes, mode: Mode) -> None:
    blinded = client.blind([b"a", b"b"], mode, secrets.token_bytes)
    honest = server.evaluate(KEY, blinded.elements, mode, secrets.token_bytes)
    evaluation = dataclasses.replace(honest, elements=(honest.elements[0], element))
    with pytest.raises(ElementInvalidError):
        blinded.finish(evaluation, KEY.public_key if mode is Mode.VOPRF else None)


@pytest.mark.parametrize("mode", list(Mode))
@pytest.mark.parametrize("count", [0, 1, 3])
def test_the_client_refuses_another_number_of_elements(count: int, mode: Mode) -> None:
    blinded = client.blind([b"a", b"b"], mode, secrets.token_bytes)
    evaluation = server.Evaluation((GENERATOR,) * count, b"")
    with pytest.raises(CountMismatchError) as caught:
        blinded.finish(evaluation, KEY.public_key)
    assert (caught.value.found, caught.value.expected) == (count, 2)


def test_an_oprf_evaluation_with_a_proof_is_malformed() -> None:
    blinded = client.blind([b"a"], Mode.OPRF, secrets.token_bytes)
    honest = server.evaluate(KEY, blinded.elements, Mode.OPRF, secrets.token_bytes)
    with pytest.raises(MalformedMessageError):
        blinded.finish(dataclasses.replace(honest, proof=bytes(64)))


def test_voprf_mode_does_not_go_without_a_public_key() -> None:
    blinded = client.blind([b"a"], Mode.VOPRF, secrets.token_bytes)
    evaluation = server.evaluate(KEY, blinded.elements, Mode.VOPRF, secrets.token_bytes)
    with pytest.raises(InputInvalidError):
        blinded.finish(evaluation)


@pytest.mark.parametrize("public_key", HOSTILE, ids=lambda e: e.hex()[:16] or "empty")
def test_a_bad_public_key_is_refused(public_key: bytes) -> None:
    blinded = client.blind([b"a"], Mode.VOPRF, secrets.token_bytes)
    evaluation = server.evaluate(KEY, blinded.elements, Mode.VOPRF, secrets.token_bytes)
    with pytest.raises(ElementInvalidError) as caught:
        blinded.finish(evaluation, public_key)
    assert caught.value.position is None


class TestProof:
    blinded = client.blind([b"a", b"b"], Mode.VOPRF, seeded_rng(5))
    honest = server.evaluate(KEY, blinded.elements, Mode.VOPRF, seeded_rng(6))

    def refused(self, evaluation: server.Evaluation, public_key: bytes = KEY.public_key) -> None:
        with pytest.raises(ProofInvalidError, match=r"^proof does not verify$"):
            self.blinded.finish(evaluation, public_key)

    def test_every_flipped_bit_is_noticed(self) -> None:
        for bit in range(0, 512, 7):
            forged = bytearray(self.honest.proof)
            forged[bit // 8] ^= 1 << bit % 8
            self.refused(dataclasses.replace(self.honest, proof=bytes(forged)))

    @pytest.mark.parametrize(
        "proof",
        [
            b"",
            bytes(64),
            b"\xff" * 64,
            honest.proof[:63],
            honest.proof + b"\x00",
            honest.proof[32:] + honest.proof[:32],
            honest.proof[:32] + bytes(32),
            bytes(32) + honest.proof[32:],
        ],
        ids=["none", "zero", "ones", "short", "long", "swapped", "no response", "no challenge"],
    )
    def test_malformed_proofs(self, proof: bytes) -> None:
        self.refused(dataclasses.replace(self.honest, proof=proof))

    def test_scalars_out_of_range_are_no_second_encoding(self) -> None:
        challenge, response = self.honest.proof[:32], self.honest.proof[32:]
        for half in (challenge, response):
            value = int.from_bytes(half, "little") + ristretto255.ORDER
            wrapped = value.to_bytes(32, "little")
            forged = self.honest.proof.replace(half, wrapped)
            self.refused(dataclasses.replace(self.honest, proof=forged))

    def test_another_key(self) -> None:
        other = keys.generate(seeded_rng(7))
        self.refused(self.honest, other.public_key)
        self.refused(server.evaluate(other, self.blinded.elements, Mode.VOPRF, seeded_rng(8)))

    def test_one_element_under_another_key(self) -> None:
        other = keys.generate(seeded_rng(7))
        wrong = ristretto255.multiply(other.scalar, self.blinded.elements[1])
        elements = (self.honest.elements[0], wrong)
        self.refused(dataclasses.replace(self.honest, elements=elements))
        proof = dleq.prove(KEY, self.blinded.elements, elements, seeded_rng(9))
        self.refused(server.Evaluation(elements, proof))

    def test_errors_that_cancel_in_the_plain_sum(self) -> None:
        # E[0] + G and E[1] - G have the right sum: only the random weights tell.
        elements = (
            ristretto255.add(self.honest.elements[0], GENERATOR),
            ristretto255.subtract(self.honest.elements[1], GENERATOR),
        )
        proof = dleq.prove(KEY, self.blinded.elements, elements, seeded_rng(9))
        self.refused(server.Evaluation(elements, proof))

    def test_swapped_elements(self) -> None:
        self.refused(dataclasses.replace(self.honest, elements=self.honest.elements[::-1]))

    def test_a_proof_for_another_request(self) -> None:
        other = client.blind([b"a", b"b"], Mode.VOPRF, seeded_rng(10))
        evaluation = server.evaluate(KEY, other.elements, Mode.VOPRF, seeded_rng(11))
        self.refused(dataclasses.replace(self.honest, proof=evaluation.proof))

    def test_the_honest_proof_holds(self) -> None:
        expected = tuple(server.evaluate_input(KEY, data, Mode.VOPRF) for data in (b"a", b"b"))
        assert self.blinded.finish(self.honest, KEY.public_key) == expected


def test_long_inputs() -> None:
    longest = bytes(2**16 - 1)
    check_oprf([b"", longest], KEY, seeded_rng(12), Mode.VOPRF)
    with pytest.raises(InputInvalidError):
        client.blind([longest + b"\x00"], Mode.VOPRF, secrets.token_bytes)
    with pytest.raises(InputInvalidError):
        server.evaluate_input(KEY, longest + b"\x00", Mode.VOPRF)
    with pytest.raises(InputInvalidError):
        finalize(longest + b"\x00", GENERATOR)


def test_derivation_refuses_bad_seeds() -> None:
    with pytest.raises(InputInvalidError):
        keys.derive(bytes(31), b"", Mode.VOPRF)
    with pytest.raises(InputInvalidError):
        keys.derive(bytes(32), bytes(2**16), Mode.VOPRF)


def test_derivation_gives_up_after_256_zero_scalars(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ristretto255, "hash_to_scalar", lambda *_: bytes(32))
    with pytest.raises(InputInvalidError):
        keys.derive(bytes(32), b"", Mode.VOPRF)


def test_a_stored_scalar_is_checked() -> None:
    with pytest.raises(ScalarInvalidError):
        keys.PrivateKey.from_scalar(bytes(32))


def test_repr_shows_no_secret() -> None:
    blinded = client.blind([b"subject"], Mode.VOPRF, secrets.token_bytes)
    assert repr(blinded) == "Blinded(mode=<Mode.VOPRF: 1>)"
    assert "scalar" not in repr(KEY)
    assert KEY.scalar.hex() not in repr(KEY)
    assert repr(KEY.scalar) not in repr(KEY)


def test_oprf_mode_draws_no_randomness_on_the_server() -> None:
    def no_rng(_: int) -> bytes:
        raise AssertionError

    assert server.evaluate(KEY, [GENERATOR], Mode.OPRF, no_rng).proof == b""


def test_every_weight_depends_on_the_whole_batch() -> None:
    # Else wrong answers can be drawn one by one until their weighted errors cancel (see dleq).
    blinded = client.blind([b"a", b"b", b"c"], Mode.VOPRF, seeded_rng(12)).elements
    one = tuple(ristretto255.multiply(KEY.scalar, element) for element in blinded)
    other = (*one[:2], ristretto255.add(one[2], GENERATOR))
    scalars = {
        weights: [
            dleq._scalars(
                dleq.batch_seed(KEY.public_key, blinded, batch, weights), 0, blinded, batch
            )
            for batch in (one, other)
        ]
        for weights in Weights
    }
    rfc, bound = scalars[Weights.RFC9497], scalars[Weights.BATCH]
    assert rfc[0][:2] == rfc[1][:2]
    assert all(before != after for before, after in zip(*bound, strict=True))


@pytest.mark.parametrize("weights", Weights)
@pytest.mark.parametrize("piece", [1, 2, 5])
def test_a_proof_made_in_pieces_is_the_proof(weights: Weights, piece: int) -> None:
    inputs = [b"%d" % number for number in range(5)]
    blinded = client.blind(inputs, Mode.VOPRF, seeded_rng(12)).elements
    evaluated = ristretto255.multiply_each(KEY.scalar, blinded)
    seed = dleq.batch_seed(KEY.public_key, blinded, evaluated, weights)
    sums = [
        dleq.composite(
            seed, start, blinded[start : start + piece], evaluated[start : start + piece]
        )
        for start in range(0, len(blinded), piece)
    ]
    first = functools.reduce(ristretto255.add, sums)
    whole = dleq.prove(KEY, blinded, evaluated, seeded_rng(13), weights)
    assert dleq.prove_composite(KEY, first, seeded_rng(13)) == whole


def test_a_batch_of_one_is_the_rfcs() -> None:
    element = client.blind([b"a"], Mode.VOPRF, seeded_rng(12)).elements
    one, other = (
        server.evaluate(KEY, element, Mode.VOPRF, seeded_rng(13), weights) for weights in Weights
    )
    assert one == other


def test_the_two_kinds_of_weights_do_not_pass_for_each_other() -> None:
    blinded = client.blind([b"a", b"b"], Mode.VOPRF, seeded_rng(12))
    for weights, other in ((Weights.BATCH, Weights.RFC9497), (Weights.RFC9497, Weights.BATCH)):
        evaluation = server.evaluate(KEY, blinded.elements, Mode.VOPRF, seeded_rng(13), weights)
        with pytest.raises(ProofInvalidError):
            blinded.finish(evaluation, KEY.public_key, other)
