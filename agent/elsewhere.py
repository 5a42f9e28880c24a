"""Fields of different sources that hold the same, for records which lack it in the one that was asked for.

"The molecular weight of tirofiban" names no source: where its record has ChEMBL's and no PubChem's, ChEMBL's is the
answer. Where the question names the source, or the snapshot holds none of its values at all, nothing else is asked.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from typing import TYPE_CHECKING, Any

from agent.absence import missing_fields
from agent.state import NO_VALUE, Attempt
from agent.values import find
from tools.errors import AssistantError
from tools.query import Query

if TYPE_CHECKING:
    from agent.runtime import Runtime
    from tools.backend import Backend
    from tools.client import Result

#: Groups of fields with the same content. (Facts: the field listings of the services.)
SAME: dict[str, tuple[tuple[str, ...], ...]] = {
    "mychem": (
        ("pubchem.molecular_weight", "chembl.molecule_properties.full_mwt", "chebi.mass"),
        ("pubchem.molecular_formula", "chembl.molecule_properties.full_molformula", "chebi.formulae"),
        ("pubchem.inchikey", "chembl.inchi_key", "gtopdb.inchikey", "chebi.inchikey", "drugbank.inchi_key"),
        ("pubchem.inchi", "chembl.inchi", "gtopdb.inchi", "chebi.inchi"),
        ("pubchem.smiles.canonical", "chembl.smiles", "gtopdb.smiles", "chebi.smiles"),
        ("pubchem.iupac.systematic", "gtopdb.iupac_name", "chebi.iupac"),
        ("pubchem.topological_polar_surface_area", "chembl.molecule_properties.psa"),
        ("pubchem.hydrogen_bond_donor_count", "chembl.molecule_properties.hbd"),
        ("pubchem.hydrogen_bond_acceptor_count", "chembl.molecule_properties.hba"),
        ("pubchem.rotatable_bond_count", "chembl.molecule_properties.rtb"),
        ("pubchem.heavy_atom_count", "chembl.molecule_properties.heavy_atoms"),
        ("chembl.withdrawn_flag", "gtopdb.withdrawn"),
        ("chebi.xrefs.cas", "drugbank.cas_number", "unii.registry_number", "drugcentral.structures.cas_rn"),
    ),
    "mydisease": (
        ("mondo.definition", "disease_ontology.def"),
        ("mondo.xrefs.mesh", "disease_ontology.xrefs.mesh", "ctd.mesh"),
        ("mondo.xrefs.omim", "disease_ontology.xrefs.omim", "hpo.omim", "ctd.omim"),
        ("mondo.xrefs.orphanet", "hpo.orphanet"),
        ("mondo.xrefs.umls", "disease_ontology.xrefs.umls_cui", "disgenet.xrefs.umls"),
        ("mondo.xrefs.doid", "disease_ontology.doid"),
        ("mondo.xrefs.icd10", "disease_ontology.xrefs.icd10", "umls.icd10.preferred"),
        ("mondo.xrefs.icd9", "disease_ontology.xrefs.icd9"),
    ),
    "myvariant": (("dbsnp.gene.symbol", "clinvar.gene.symbol"), ("dbsnp.rsid", "clinvar.rsid")),
}
#: Sources as people write them, where that is not the first part of the path.
_SOURCE_WORDS = {
    "disease_ontology": "[Dd]isease [Oo]ntology|DO",
    "gtopdb": "(?i:gtopdb|guide to pharmacology|iuphar)",
}


def same_elsewhere(
    query: Query, hits: list[dict[str, Any]], question: str, unheld: Collection[str] = ()
) -> dict[str, tuple[str, ...]]:
    """Return the asked-for fields of which no hit has a value, each with the fields that hold the same.

    Args:
        query: the request.
        hits: what it found.
        question: the question; a source that it names is what is wanted.
        unheld: asked-for fields that the offline snapshot does not hold; for them there is no repair.
    """
    if query.kind == "fields" or not hits:
        return {}
    found: dict[str, tuple[str, ...]] = {}
    for path in query.fields:
        others = tuple(other for other in _others(query.api, path) if other not in query.fields)
        wanted = others and path not in unheld and not _names_source(question, path)
        if wanted and not any(find(hit, path) for hit in hits):
            found[path] = others
    return found


def held_elsewhere(query: Query, question: str, unheld: Iterable[str], held: Collection[str]) -> list[str]:
    """Return fields with the content of one of `unheld` that are held: what may be asked instead."""
    found = []
    for path in unheld:
        there = [other for other in _others(query.api, path) if other in held]
        if there and not _names_source(question, path) and not set(there) & set(query.fields):
            found.append(there[0])
    return found


def ask_elsewhere(
    query: Query, hits: list[dict[str, Any]], question: str, runtime: Runtime, backend: Backend
) -> tuple[Query, Result] | None:
    """Ask for the same values in other sources, where the hits have none in those asked for.

    Args:
        query: the request.
        hits: what it found.
        question: the question; a source that it names is what is wanted.
        runtime: knows what the snapshot holds.
        backend: the one that gave the hits.

    Returns:
        The other request and its result; None where nothing is missing, no other source has it either, or the backend
        failed: the hits then stay.
    """
    from tools.client import execute

    others = same_elsewhere(query, hits, question, missing_fields(query, backend.name, runtime))
    if not others:
        return None
    wanted = tuple(path for paths in others.values() for path in paths)
    try:
        there = execute(query.model_copy(update={"fields": wanted}), backend).hits
        instead = {
            path: next((other for other in paths if any(find(hit, other) for hit in there)), path)
            for path, paths in others.items()
        }
        fields = tuple(dict.fromkeys(instead.get(path, path) for path in query.fields))
        if set(fields) == set(query.fields):
            return None
        other = query.model_copy(update={"fields": fields})
        return other, execute(other, backend)
    except AssistantError:
        return None


def empty_attempt(query: Query, instead: Query, seconds: float) -> Attempt:
    """Return the record of a request whose hits have no value, for which another was made instead."""
    lacking = ", ".join(path for path in query.fields if path not in instead.fields)
    return {"request": query.line, "outcome": "empty", "error": f"{NO_VALUE} {lacking}", "seconds": seconds}


def _others(api: str, path: str) -> tuple[str, ...]:
    group = next((group for group in SAME.get(api, ()) if path in group), ())
    return tuple(other for other in group if other != path)


def _names_source(question: str, path: str) -> bool:
    """Tell whether a question names a field or its source; the prefix of an identifier (MONDO:0007947) names none."""
    source = path.partition(".")[0]
    words = _SOURCE_WORDS.get(source, f"(?i:{re.escape(source)})")
    return path in question or re.search(rf"\b(?:{words})\b(?!:\d)", question) is not None
