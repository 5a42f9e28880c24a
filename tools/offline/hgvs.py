"""Genomic HGVS ids from VCF alleles, as MyVariant.info writes them (`chr7:g.140753336A>T`)."""

from __future__ import annotations


def genomic_id(chrom: str, position: int, ref: str, alt: str) -> tuple[str, int, int]:
    """Return the id of a variant with its first and last position on the reference.

    `position`, `ref` and `alt` are as in a VCF line. Bases that both alleles share are trimmed from the right, then
    from the left, so that an insertion or a deletion keeps the left-aligned place that the VCF gives it. (HGVS
    itself would shift it to the right; MyVariant.info's ids made from VCF files are left-aligned too.)
    """
    while len(ref) > 1 and len(alt) > 1 and ref[-1] == alt[-1]:
        ref, alt = ref[:-1], alt[:-1]
    while ref and alt and ref[0] == alt[0]:
        ref, alt, position = ref[1:], alt[1:], position + 1
    end = position + len(ref) - 1
    prefix = f"chr{chrom}:g."
    if not ref:
        return f"{prefix}{position - 1}_{position}ins{alt}", position - 1, position
    span = str(position) if len(ref) == 1 else f"{position}_{end}"
    if not alt:
        return f"{prefix}{span}del", position, end
    if len(ref) == len(alt) == 1:
        return f"{prefix}{position}{ref}>{alt}", position, position
    return f"{prefix}{span}delins{alt}", position, end
