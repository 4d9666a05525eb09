"""How many bits a release is worth, by the contract's plan alone: node and auditor count the same.

A hidden lookup's reply is worth the bits of what its labels say, however many bytes it has: see
`docs/release_gate.md`. That a computed result was refused says something too, and costs one bit.
Verdicts are never refused for what they say.
"""

from unseen.evidence.contracts.contract import Terms
from unseen.evidence.contracts.outputs import bits_of_outputs
from unseen.evidence.contracts.plan import Plan, ReleaseSpec
from unseen.protocols.oprf.suite import MAX_BATCH

REFUSAL_BITS = 1
VERDICT_BITS = 2  # yes, no, unknown: as `typed.Verdicts` packs one


def spec_of(plan: Plan, terms: Terms) -> ReleaseSpec:
    """Return what may leave under a contract; older plans say it by their bits a unit alone."""
    if plan.release is not None:
        return plan.release
    bits, units = plan.bits_per_unit, terms.quota.units
    return ReleaseSpec(
        type="verdicts", bits_per_run=bits * min(MAX_BATCH, units), bits_in_all=bits * units
    )


def bits_of(plan: Plan, units: int) -> int:
    """Return the bits that a run of `units` units says under `plan`."""
    shape = plan.release.shape if plan.release else None
    if shape is not None:
        return shape.bits
    if plan.release is not None and plan.release.outputs:
        return bits_of_outputs(plan.release.outputs)
    if plan.protocol == "clear":
        return VERDICT_BITS * len(plan.outputs) * units
    return plan.bits_per_unit * units


def refusal_bits(spec: ReleaseSpec) -> int:
    """Return the bits that a refusal says."""
    return 0 if spec.type == "verdicts" else REFUSAL_BITS
