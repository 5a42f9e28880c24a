from __future__ import annotations

import json
from pathlib import Path

import pytest

from tools.offline.identifiers import look_up, translate_scopes

SCHEMA = Path(__file__).parents[3] / "data" / "schema"


def scopes_of(api: str, identifier: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    rows = json.loads((SCHEMA / f"{api}.json").read_text("utf-8"))
    found = look_up(
        api, identifier, lambda field: field == "_id" or (field in rows and rows[field]["type"] != "object")
    )
    return found.terms, found.scopes


@pytest.mark.parametrize(
    ("api", "identifier", "terms", "scope"),
    [
        ("mygene", "1017", ("1017",), "entrezgene"),
        ("mygene", "ENSG00000123374", ("ENSG00000123374",), "ensembl.gene"),
        ("mygene", "NCBIGene:1017", ("1017",), "retired"),
        ("mygene", "ENSEMBL:ENSG00000123374", ("ENSG00000123374",), "ensembl.gene"),
        ("mygene", "UniProtKB:P24941", ("P24941",), "uniprot.Swiss-Prot"),
        ("mygene", "UniProtKB:A0A024RB10", ("A0A024RB10",), "uniprot.TrEMBL"),
        ("mygene", "symbol:CDK2", ("CDK2",), "symbol"),
        ("mygene", "nosuch:CDK2", ("nosuch:CDK2",), "_id"),
        ("myvariant", "rs113488022", ("rs113488022",), "dbsnp.rsid"),
        ("myvariant", "dbSNP:rs113488022", ("rs113488022",), "dbsnp.rsid"),
        ("myvariant", "RCV000014992.5", ("RCV000014992.5",), "clinvar.rcv.accession"),
        ("myvariant", "CLINVAR:13961", ("13961",), "clinvar.variant_id"),
        ("myvariant", "chr7:g.140453134T>C", ("chr7:g.140453134T>C",), "_id"),
        ("myvariant", "chr7:140453134T>C", ("chr7:g.140453134T>C",), "_id"),
        ("mychem", "KTUFNOKKBVMGRW-UHFFFAOYSA-N", ("KTUFNOKKBVMGRW-UHFFFAOYSA-N",), "_id"),
        ("mychem", "CHEMBL941", ("CHEMBL941",), "chembl.molecule_chembl_id"),
        ("mychem", "CHEBI:45783", ("CHEBI:45783",), "chebi.id"),
        ("mychem", "DB00619", ("DB00619",), "drugbank.id"),
        ("mychem", "BKJ8M8G5HI", ("BKJ8M8G5HI",), "unii.unii"),
        ("mychem", "PA10804", ("PA10804",), "pharmgkb.id"),
        ("mychem", "5291", ("5291",), "pubchem.cid"),
        ("mychem", "CID:5291", ("5291",), "pubchem.cid"),
        ("mydisease", "MONDO:0009061", ("MONDO:0009061",), "_id"),
        ("mydisease", "DOID:1485", ("DOID:1485",), "disease_ontology.doid"),
        ("mydisease", "OMIM:219700", ("OMIM:219700", "219700"), "mondo.xrefs.omim"),
        ("mydisease", "219700", ("219700",), "mondo.xrefs.omim"),
        ("mydisease", "MESH:D003550", ("MESH:D003550", "D003550"), "mondo.xrefs.mesh"),
        ("mydisease", "NCIT:C2975", ("NCIT:C2975", "C2975"), "mondo.xrefs.ncit"),
        ("mydisease", "HP:0001250", ("HP:0001250",), "mondo.xrefs.hp"),
        ("mydisease", "ORPHANET:586", ("ORPHANET:586", "586"), "mondo.xrefs.orphanet"),
        ("mydisease", "UMLS:C0010674", ("UMLS:C0010674", "C0010674"), "mondo.xrefs.umls"),
        ("mydisease", "C0010674", ("C0010674",), "mondo.xrefs.umls"),
        ("mydisease", "C536784", ("C536784",), "mondo.xrefs.mesh"),
        ("mydisease", "DECIPHER:1", ("DECIPHER:1", "1"), "hpo.decipher"),
        ("mydisease", "KEGG:H00218", ("H00218",), "mondo.xrefs.kegg"),
        ("mydisease", "ICD9:277.0", ("ICD9:277.0", "277.0"), "mondo.xrefs.icd9"),
        ("mydisease", "ICD10:E84", ("ICD10:E84", "E84"), "mondo.xrefs.icd10"),
        ("mydisease", "E84.0", ("E84.0",), "disease_ontology.xrefs.icd10"),
    ],
)
def test_each_form_is_looked_up_in_its_fields(api: str, identifier: str, terms: tuple[str, ...], scope: str) -> None:
    found_terms, found_scopes = scopes_of(api, identifier)
    assert found_terms == terms
    assert scope in found_scopes


def test_only_fields_that_exist_are_used() -> None:
    assert look_up("mygene", "1017", lambda field: field == "_id").scopes == ("_id",)
    assert look_up("widgets", "a:b", lambda field: field == "_id") == look_up("mychem", "a:b", lambda _: False)


def test_shorthand_scopes_are_mygenes_own() -> None:
    assert translate_scopes("mygene", ["symbol", "RefSeq", "hgnc", "uniprot"]) == [
        "symbol", "refseq_agg", "HGNC", "uniprot.*",
    ]  # fmt: skip
    assert translate_scopes("mychem", ["hgnc"]) == ["hgnc"]
