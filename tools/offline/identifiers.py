"""Which fields an identifier is looked up in: the entity endpoints' patterns, and the scopes of batches.

The patterns are those of the services' own settings (`ANNOTATION_ID_REGEX_LIST` of mygene.info, myvariant.info,
mychem.info and mydisease.info on GitHub), with the CURIE prefixes of the Biolink model that stand for the same fields.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from tools.offline.parameters import MYGENE_SCOPES


@dataclass(frozen=True)
class Lookup:
    """Documents in which one of `scopes` holds one of `terms`."""

    terms: tuple[str, ...]
    scopes: tuple[str, ...]


_Rule = tuple[re.Pattern[str], tuple[str, ...]]


def _rule(pattern: str, *scopes: str, flags: int = re.IGNORECASE) -> _Rule:
    return re.compile(pattern, flags), scopes


def _xrefs(*names: str) -> tuple[str, ...]:
    return tuple(f"{source}.xrefs.{name}" for name in names for source in ("mondo", "disease_ontology", "disgenet"))


# A pattern's group `term` is what is looked up, else the whole identifier; `local` is looked up besides the whole.
_GENE: tuple[_Rule, ...] = (
    _rule(r"NCBIGene:(?P<term>[^:]+)", "entrezgene", "retired"),
    _rule(r"ENSEMBL:(?P<term>[^:]+)", "ensembl.gene"),
    _rule(r"UniProtKB:(?P<term>[^:]+)", "uniprot.Swiss-Prot", "uniprot.TrEMBL"),
    _rule(r"\d+", "entrezgene", "retired"),
)
_VARIANT: tuple[_Rule, ...] = (
    _rule(r"(?:dbsnp:)?(?P<term>rs\d+)", "dbsnp.rsid"),
    _rule(r"(?:clinvar:)?(?P<term>rcv[\d.]+)", "clinvar.rcv.accession"),
    _rule(r"clinvar:(?P<term>\d+)", "clinvar.variant_id"),
    _rule(r"(?:caid:)?(?P<term>ca\d+)", "clingen.caid"),
    _rule(r"var_\d+", "uniprot.humsavar.ftid"),
)
_CHEM: tuple[_Rule, ...] = (
    _rule(r"(?:inchikey:)(?P<term>[A-Z]{14}-[A-Z]{10}-[A-Z])", "_id"),
    _rule(r"(?:chembl(?:\.compound)?:)?(?P<term>chembl\d+)", "chembl.molecule_chembl_id"),
    _rule(r"chebi:\d+", "chebi.id", "chebi.secondary_chebi_id"),
    _rule(
        r"(?:drugbank:)?(?P<term>db\d+)", "drugbank.id", "unichem.drugbank", "chebi.xrefs.drugbank",
        "drugcentral.xrefs.drugbank_id", "pharmgkb.xrefs.drugbank",
    ),
    _rule(r"(?:pharmgkb(?:\.drug)?:)?(?P<term>pa\d+)", "pharmgkb.id"),
    _rule(r"(?:(?:pubchem\.compound|cid):)?(?P<term>\d+)", "pubchem.cid", "fda_orphan_drug.pubchem_sid"),
    _rule(r"(?:(?i:unii):)(?P<term>[A-Za-z0-9]{10})", "unii.unii"),
    _rule(r"[A-Z0-9]{10}", "unii.unii", flags=0),
)  # fmt: skip
_DISEASE: tuple[_Rule, ...] = (
    _rule(r"MONDO:\d+", "mondo.mondo", "_id", "disgenet.xrefs.mondo", "mondo.xrefs.mondo"),
    _rule(r"DOID:\d+", "disease_ontology.doid", "_id", "disgenet.xrefs.doid", "mondo.xrefs.doid"),
    _rule(r"(?:OMIM|MIM):(?P<local>\d+)", "_id", "ctd.omim", "hpo.omim", *_xrefs("omim"), "mondo.xrefs.omimps"),
    _rule(r"C\d{7}", "_id", "umls.umls", *_xrefs("umls", "umls_cui")),  # MESH has C with six or nine digits
    _rule(
        r"MESH:(?P<local>\w+)|[DC]\d{5,}", "_id", "ctd.mesh", "umls.mesh", *_xrefs("mesh", "ncit"),
        "disgenet.xrefs.nci",
    ),
    _rule(r"(?:NCIT|NCI):(?P<local>\w+)", "_id", *_xrefs("ncit", "nci")),
    _rule(r"HP:\d+", "_id", *_xrefs("hp")),
    _rule(
        r"(?:ORPHANET|ORPHA|ORDO):(?:Orphanet_)?(?P<local>\d+)", "_id", "hpo.orphanet", "mondo.xrefs.orphanet",
        *_xrefs("ordo"),
    ),
    _rule(r"(?:UMLS|UMLS_CUI):(?P<local>\w+)", "_id", "umls.umls", *_xrefs("umls", "umls_cui")),
    _rule(r"DECIPHER:(?P<local>\d+)", "_id", "hpo.decipher"),
    _rule(r"(?:KEGG(?:\.DISEASE)?:)?(?P<term>H\d+)", *_xrefs("kegg")),
    _rule(r"KEGG(?:\.DISEASE)?:(?P<local>\w+)", *_xrefs("kegg")),
    _rule(r"ICD9(?:CM)?:(?P<local>[\w.]+)", *_xrefs("icd9", "icd9cm")),
    _rule(r"ICD10(?:CM)?:(?P<local>[\w.]+)", *_xrefs("icd10", "icd10cm")),
    _rule(r"ICD11:(?P<local>[\w.]+)", "mondo.xrefs.icd11"),
    _rule(r"EFO:(?P<local>\d+)", "_id", *_xrefs("efo")),
    _rule(r"GARD:(?P<local>\d+)", *_xrefs("gard")),
    _rule(r"MEDDRA:(?P<local>\d+)", *_xrefs("meddra")),
    _rule(r"MEDGEN:(?P<local>\w+)", "mondo.xrefs.medgen"),
    _rule(r"\d{3}\.\d{1,2}", *_xrefs("icd9", "icd9cm")),
    _rule(r"\d+", "_id", "ctd.omim", "hpo.omim", *_xrefs("omim", "icd9")),
    _rule(r"[A-Z]\d[0-9A-Z]?(?:\.[0-9A-Z]{1,5})?", *_xrefs("icd10", "icd10cm")),
    _rule(r"[A-NP-Z]\d[0-9A-Z]{0,5}", "mondo.xrefs.icd11"),
)  # fmt: skip
_RULES = {"mygene": _GENE, "myvariant": _VARIANT, "mychem": _CHEM, "mydisease": _DISEASE}
_DEFAULT_SCOPES = {"mygene": tuple(MYGENE_SCOPES), "myvariant": ("_id", "clingen.caid")}
_FIELD_AND_TERM = re.compile(r"(?P<field>[^:]+):(?P<term>.+)", re.DOTALL)
_HGVS_WITHOUT_TYPE = re.compile(r"(?P<chromosome>chr\w{1,2}):(?:g\.)?(?P<rest>\d.*)")


def look_up(api: str, identifier: str, known: Callable[[str], bool]) -> Lookup:
    """Say where `identifier` is looked up at the entity endpoint of `api`.

    `known` says whether a field exists and can be searched; of a pattern's fields only such ones are used, and the
    first pattern that has any decides. `field:value` names its own field.
    """
    for pattern, fields in _RULES.get(api, ()):
        match = pattern.fullmatch(identifier)
        scopes = tuple(dict.fromkeys(field for field in fields if known(field)))
        if match and scopes:
            groups = match.groupdict()
            terms = [groups.get("term") or identifier]
            if groups.get("local"):
                terms.append(groups["local"])
            return Lookup(tuple(terms), scopes)
    if api == "myvariant" and (hgvs := _HGVS_WITHOUT_TYPE.fullmatch(identifier)):
        return Lookup((f"{hgvs['chromosome']}:g.{hgvs['rest']}",), ("_id",))
    default = tuple(field for field in _DEFAULT_SCOPES.get(api, ("_id",)) if known(field))
    match = _FIELD_AND_TERM.fullmatch(identifier)
    if match and known(match["field"]):
        return Lookup((match["term"],), (match["field"],))
    return Lookup((identifier,), default or ("_id",))


#: What mygene's batches take for other fields, in any case (`DATASOURCE_TRANSLATIONS` in its settings).
_MYGENE_SCOPE_NAMES = {
    "refseq": "refseq_agg",
    "accession": "accession_agg",
    "reporter": "reporter.*",
    "interpro": "interpro.id",
    "go": "go.*.id",
    "homologene": "homologene.id",
    "reagent": "reagent.*.id",
    "uniprot": "uniprot.*",
    "wikipedia": "wikipedia.*",
    "ensemblgene": "ensembl.gene",
    "ensembltranscript": "ensembl.transcript",
    "ensemblprotein": "ensembl.protein",
    "hgnc": "HGNC",
    "hprd": "HPRD",
    "mim": "MIM",
    "mgi": "MGI",
    "ratmap": "RATMAP",
    "rgd": "RGD",
    "flybase": "FLYBASE",
    "wormbase": "WormBase",
    "tair": "TAIR",
    "zfin": "ZFIN",
    "sgd": "SGD",
    "xenbase": "Xenbase",
    "mirbase": "miRBase",
}


def translate_scopes(api: str, scopes: Sequence[str]) -> list[str]:
    """Replace mygene's shorthand scopes by the fields that they stand for; those of other APIs stay."""
    if api != "mygene":
        return list(scopes)
    return [_MYGENE_SCOPE_NAMES.get(scope.lower(), scope) for scope in scopes]
