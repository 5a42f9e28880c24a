from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rag.entities import find_entities, mask, voted_fields

KINDS = [
    ("where is BRCA1 located", "symbol", "BRCA1"),
    ("what does Trp53 do", "symbol", "Trp53"),
    ("aliases of HLA-DRB1", "symbol", "HLA-DRB1"),
    ("and C9orf72?", "symbol", "C9orf72"),
    ("gene p53", "symbol", "p53"),
    ("is rs334 benign", "rsid", "rs334"),
    ("cadd of chr7:g.140453136A>T", "hgvs_genomic", "chr7:g.140453136A>T"),
    ("what is chr9:g.135781006_135781007del", "hgvs_genomic", "chr9:g.135781006_135781007del"),
    ("NM_004333.6:c.1799T>A please", "hgvs_coding", "NM_004333.6:c.1799T>A"),
    ("variants with p.Val600Glu", "hgvs_protein", "p.Val600Glu"),
    ("V600E in BRAF", "hgvs_protein", "V600E"),
    ("genes in chr7:55,000,000-55,300,000", "interval", "chr7:55,000,000-55,300,000"),
    ("genes on chromosome X", "chromosome", "chromosome X"),
    ("genes at 17q21.31", "cytoband", "17q21.31"),
    ("ENSG00000123374.10 symbol", "ensembl_gene", "ENSG00000123374.10"),
    ("gene of ENSMUST00000108658", "ensembl_transcript", "ENSMUST00000108658"),
    ("gene of NM_001798.5", "refseq_rna", "NM_001798.5"),
    ("gene of NP_001789", "refseq_protein", "NP_001789"),
    ("gene of P24941", "uniprot", "P24941"),
    ("gene of A0A024RBG1", "uniprot", "A0A024RBG1"),
    ("all of KTUFNOKKBVMGRW-UHFFFAOYSA-N", "inchikey", "KTUFNOKKBVMGRW-UHFFFAOYSA-N"),
    ("what is CHEMBL25", "chembl", "CHEMBL25"),
    ("what is DB00945", "drugbank", "DB00945"),
    ("what is CHEBI:15365", "chebi", "CHEBI:15365"),
    ("what is CAS 50-78-2", "cas", "50-78-2"),
    ("name of MONDO:0009061", "mondo", "MONDO:0009061"),
    ("name of DOID:1485", "doid", "DOID:1485"),
    ("diseases with HP:0001250", "hpo", "HP:0001250"),
    ("disease OMIM 143100", "omim", "OMIM 143100"),
    ("disease for ICD-10 G35", "icd", "G35"),
    ("UMLS concept C0010674", "umls", "C0010674"),
    ("MESH:D003920", "mesh", "MESH:D003920"),
    ("genes with GO:0006915", "go", "GO:0006915"),
    ("genes of R-HSA-69278", "reactome", "R-HSA-69278"),
    ("genes of hsa04110", "kegg", "hsa04110"),
    ("IPR000719", "interpro", "IPR000719"),
    ("HGNC:1771", "hgnc", "HGNC:1771"),
    ("enzymes with EC 2.7.11.22", "ec", "EC 2.7.11.22"),
    ("taxid 9606", "taxid", "taxid 9606"),
    ("Entrez gene 1017", "entrez", "Entrez gene 1017"),
    ("in mice", "species", "mice"),
    ('genes of "Cell Cycle"', "quoted", '"Cell Cycle"'),
    ("above 0.001", "number", "0.001"),
    ("between 43 and 43.2 Mb", "number", "43.2 Mb"),
]


@pytest.mark.parametrize(("text", "kind", "span"), KINDS)
def test_each_kind_is_found(text: str, kind: str, span: str) -> None:
    assert (kind, span) in [(entity.kind, entity.text) for entity in find_entities(text)]


@pytest.mark.parametrize(
    "text",
    ["What is the CADD score", "KEGG and GO terms", "the DNA of an ORF", "gnomAD frequency on hg38",
     "list the ICD10 codes", "SMILES please", "WHAT DOES THIS GENE DO", "icd10 code", "phase3 trials"],
)  # fmt: skip
def test_names_of_sources_and_plain_words_are_no_symbols(text: str) -> None:
    assert [entity for entity in find_entities(text) if entity.kind == "symbol"] == []


@given(st.text(max_size=300))
@settings(max_examples=200, deadline=None)
def test_spans_are_true_ordered_and_apart(text: str) -> None:
    end = 0
    for entity in find_entities(text):
        assert entity.text == text[entity.start : entity.end]
        assert entity.start >= end
        end = entity.end


@given(
    st.sampled_from(["where is {} located", "{}: what is it?", "tell me about {}, please", "({})"]),
    st.integers(1, 10**9).map(lambda number: f"rs{number}")
    | st.integers(0, 10**11 - 1).map(lambda number: f"ENSG{number:011d}")
    | st.integers(0, 10**7 - 1).map(lambda number: f"HP:{number:07d}")
    | st.tuples(st.integers(1, 22), st.integers(1, 10**8)).map(lambda pair: f"chr{pair[0]}:g.{pair[1]}A>T"),
)
@settings(max_examples=150, deadline=None)
def test_an_identifier_leaves_no_trace_in_the_masked_question(frame: str, identifier: str) -> None:
    text = frame.format(identifier)
    entities = find_entities(text)
    assert [entity.text for entity in entities] == [identifier]
    assert identifier not in mask(text, entities)
    assert not any(character.isdigit() for character in mask(text, entities, words=False))


def test_hostile_text_takes_no_time() -> None:
    for text in ("A1-" * 4000, "chr1:" * 2000, "1,000," * 2000, "(" * 10_000, '"' * 10_001, "c.1_" * 2500):
        find_entities(text[:10_000])


@pytest.mark.parametrize(
    ("text", "field"),
    [
        ("rs334", ("myvariant", "dbsnp.rsid")),
        ("rs334", ("myvariant", "clinvar.rsid")),
        ("ENSG00000123374", ("mygene", "ensembl.gene")),
        ("HP:0001250", ("mydisease", "hpo.phenotype_related_to_disease.hpo_id")),
        ("P24941", ("mygene", "uniprot.Swiss-Prot")),
        ("CHEMBL25", ("mychem", "chembl.molecule_chembl_id")),
        ("BRCA1", ("mygene", "symbol")),
        ("BRCA1", ("myvariant", "clinvar.gene.symbol")),
    ],
)
def test_entities_vote_for_the_fields_they_are_searched_by(text: str, field: tuple[str, str]) -> None:
    assert voted_fields(find_entities(text))[field] > 0.8


def test_voted_fields_are_fields() -> None:
    from rag.kinds import KINDS, SYMBOL_FIELDS
    from tools.catalogue import load_catalogue

    for name in {*SYMBOL_FIELDS, *(name for kind in KINDS.values() for name in kind.fields)}:
        api, _, path = name.partition(":")
        assert load_catalogue(api).exists(path), name
