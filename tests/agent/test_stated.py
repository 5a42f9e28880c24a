"""What a question states is in the request, and nothing that it does not state."""

import pytest

from agent.stated import complete
from finetune.dataset import read_pairs
from rag.names import Names, open_names
from tools.paths import data_dir
from tools.query import Query

NAMES = Names.of({})


def completed(request, question, *history):
    return complete(Query.parse(request), question, NAMES, history).line


@pytest.mark.parametrize(
    ("question", "request_", "added"),
    [
        ("Human olfactory receptor genes", 'mygene /v3/query?q=name:"olfactory receptor"', "&species=human"),
        ("MGI id of murine Foxp3", "mygene /v3/query?q=symbol:Foxp3&fields=MGI", "&species=mouse"),
        ("ZFIN identifier for sox10 (zebrafish)", "mygene /v3/query?q=symbol:sox10&fields=ZFIN", "&species=zebrafish"),
        ("daf-16 in C. elegans", "mygene /v3/query?q=symbol:daf-16", "&species=nematode"),
        ("human and mouse genes for apoptosis", "mygene /v3/query?q=go.BP.term:apoptosis", "&species=human,mouse"),
        ("variants in chr3:100-200 (GRCh37)", "myvariant /v1/query?q=chr3:100-200", "&assembly=hg19"),
        ("rsid of chr7:g.1A>T on hg38", "myvariant /v1/variant/chr7:g.1A>T?fields=dbsnp.rsid", "&assembly=hg38"),
    ],
)  # fmt: skip
def test_what_is_stated_is_added(question, request_, added):
    line = completed(request_, question)
    assert Query.parse(line).canonical == Query.parse(request_ + (added if "?" in request_ else "?" + added)).canonical


@pytest.mark.parametrize(
    ("question", "request_"),
    [
        ("frog Xenbase id of CDK2", "mygene /v3/query?q=symbol:CDK2&fields=Xenbase"),
        ("exons of TP53 on mouse mm10", "mygene /v3/query?q=symbol:TP53&fields=exons_mm10"),
        ("human CDK2", "mygene /v3/query?q=symbol:CDK2&species=human"),
        ("mouse models of asthma", "mydisease /v1/query?q=mondo.label:asthma"),
        ("hg38 position of rs699", "myvariant /v1/query?q=dbsnp.rsid:rs699&fields=clinvar.hg38"),
        ("variants of BRCA1 on hg19", "myvariant /v1/query?q=clinvar.gene.symbol:BRCA1"),
        ("chr3:100-200, hg19 or hg38?", "myvariant /v1/query?q=chr3:100-200"),
    ],
)
def test_nothing_else_is_changed(question, request_):
    assert completed(request_, question) == Query.parse(request_).line


@pytest.mark.parametrize(
    ("drafted", "meant"),
    [
        ("myvariant /v1/query?q=cosmic.mut_nt:COSM12600", "myvariant /v1/query?q=cosmic.cosmic_id:COSM12600"),
        ("myvariant /v1/query?q=docm.disease:DOID\\:1909", "myvariant /v1/query?q=docm.doid:DOID\\:1909"),
        (
            "mychem /v1/query?q=chebi.relationship.is_enantiomer_of:CHEBI\\:16467",
            "mychem /v1/query?q=chebi.relationship.is_enantiomer_of:CHEBI\\:16467",
        ),
        ("mydisease /v1/query?q=mondo.alt_id:MONDO\\:0005712", "mydisease /v1/query?q=mondo.alt_id:MONDO\\:0005712"),
    ],
)
def test_identifiers_are_searched_where_their_source_has_such(drafted, meant):
    assert completed(drafted, "what is known of it?") == Query.parse(meant).line


def test_the_species_at_a_questions_beginning_is_no_part_of_a_name():
    drafted = 'mygene /v3/query?q=name:"Human olfactory receptor" AND NOT type_of_gene:pseudo'
    wanted = 'mygene /v3/query?q=name:"olfactory receptor" AND NOT type_of_gene:pseudo&species=human'
    assert completed(drafted, "Human olfactory receptor genes, no pseudogenes") == Query.parse(wanted).line
    virus = 'mygene /v3/query?q=summary:"human immunodeficiency virus"'
    assert 'summary:"human immunodeficiency virus"' in completed(virus, "summaries with human immunodeficiency virus")


def test_a_follow_up_keeps_the_species():
    before = "mygene /v3/query?q=symbol:Trp53&fields=summary&species=mouse"
    assert "species=mouse" in completed("mygene /v3/query?q=symbol:Kras&fields=summary", "and Kras?", before)
    assert "species=rat" in completed("mygene /v3/query?q=symbol:Kras", "and Kras in rat?", before)
    new = "mygene /v3/query?q=symbol:BRCA1&fields=genomic_pos"
    assert "species" not in completed(new, "Where is the gene BRCA1 located?", before)
    assert "species" not in completed("mydisease /v1/query?q=asthma", "and asthma?", before)
    assert "species" not in completed("mygene /v3/query?q=symbol:Kras", "and Kras?", "none")


@pytest.mark.parametrize(
    ("question", "request_", "wanted"),
    [
        (
            "members of R-HSA-1640170",
            "mygene /v3/query?q=refseq.protein:R-HSA-1640170",
            "mygene /v3/query?q=pathway.reactome.id:R-HSA-1640170",
        ),
        (
            "p.Gly12Asp, what variants are these",
            "myvariant /v1/query?q=dbsnp.gene.symbol:p.Gly12Asp",
            "myvariant /v1/query?q=dbnsfp.hgvsp:p.Gly12Asp",
        ),
        (
            "Which chemical is CHEMBL1437?",
            "mychem /v1/query?q=chebi.xrefs.reactome:CHEMBL1437&fields=chebi.name",
            "mychem /v1/query?q=chembl.molecule_chembl_id:CHEMBL1437&fields=chebi.name",
        ),
        (
            "translate DB00477 DB00441 DB01460 into InChIKeys",
            "mychem /v1/query?q=DB00477,DB01460,DB01460&scopes=pubchem.cid&fields=chembl.inchi_key",
            "mychem /v1/query?q=DB00477,DB00441,DB01460&scopes=drugbank.id&fields=chembl.inchi_key",
        ),
        (
            "ChEBI ids of CHEMBL25 and CHEMBL112",
            "mychem /v1/query?q=chembl.molecule_chembl_id:CHEMBL25&fields=chebi.id",
            "mychem /v1/query?q=chembl.molecule_chembl_id:(CHEMBL25 OR CHEMBL112)&fields=chebi.id",
        ),
        (
            "PubChem CIDs 2726,3033,3672,3950: names",
            "mychem /v1/query?q=pubchem.cid:(2726 OR 3672 OR 3950)&fields=chembl.pref_name",
            "mychem /v1/query?q=pubchem.cid:(2726 OR 3033 OR 3672 OR 3950)&fields=chembl.pref_name",
        ),
        (
            "genes 1017 1018 1019 1020",
            "mygene /v3/query?q=1017,1018,1020&scopes=entrezgene&fields=symbol",
            "mygene /v3/query?q=1017,1018,1019,1020&scopes=entrezgene&fields=symbol",
        ),
        (
            "DB00477 DB00441 DB01460 DB00348 DB08826 DB01197 into names",
            "mychem /v1/query?q=drugbank.id:(DB00477 OR DB00441)&fields=name",
            "mychem /v1/query?q=DB00477,DB00441,DB01460,DB00348,DB08826,DB01197&scopes=drugbank.id&fields=name",
        ),
        (
            "rs1, rs2 and rs3 but not rs4",
            "myvariant /v1/query?q=dbsnp.rsid:(rs1 OR rs2)",
            "myvariant /v1/query?q=dbsnp.rsid:(rs1 OR rs2 OR rs3)",
        ),
        (
            "translate DB00477 DB00441 into names",
            "mychem /v1/query?q=DB00477 DB00441&scopes=drugbank.id&fields=name",
            "mychem /v1/query?q=DB00477,DB00441&scopes=drugbank.id&fields=name",
        ),
        (
            "mondo:0019353 phenotypes",
            "mydisease /v1/query?q=mondo:0019353&scopes=mondo.mondo&fields=hpo.phenotype_related_to_disease",
            "mydisease /v1/disease/MONDO:0019353?fields=hpo.phenotype_related_to_disease",
        ),
        (
            "rs699 gene",
            "myvariant /v1/query?q=rs699&scopes=dbsnp.rsid&fields=dbsnp.gene.symbol",
            "myvariant /v1/query?q=dbsnp.rsid:rs699&fields=dbsnp.gene.symbol",
        ),
        (
            "MONDO:0007947 and MONDO:0005083",
            "mydisease /v1/disease/MONDO:0007947",
            "mydisease /v1/disease?ids=MONDO:0007947,MONDO:0005083",
        ),
        (
            "schedule II substances",
            "mychem /v1/query?q=ndc.deaschedule:(CII OR CII OR CII)",
            "mychem /v1/query?q=ndc.deaschedule:CII",
        ),
        (
            "variants of A1CF",
            "myvariant /v1/query?q=dbsnp.gene.symbol:A1CF AND dbsnp.gene.symbol:A1CF&fields=cgi,cgi.drug,cgi",
            "myvariant /v1/query?q=dbsnp.gene.symbol:A1CF&fields=cgi",
        ),
    ],
)
def test_a_list_is_whole_and_nothing_is_said_twice(question, request_, wanted):
    assert completed(request_, question) == wanted


@pytest.mark.parametrize(
    ("question", "request_"),
    [
        ("genes in GO:0004672 excluding those in GO:0005524", "mygene /v3/query?q=go.MF.id:GO\\:0004672"),
        ("ligands of P00533 but not of P04626", "mychem /v1/query?q=drugcentral.bioactivity.uniprot.uniprot_id:P00533"),
        ("drugs like CHEMBL25 other than CHEMBL521", "mychem /v1/query?q=chembl.molecule_chembl_id:CHEMBL25"),
        ("phase 2, 3 or 4: I want 2 and 3 only", "mychem /v1/query?q=chembl.max_phase:(2 OR 3)"),
        ("tRNA, rRNA, snRNA, snoRNA, scRNA or ncRNA genes",
         "mygene /v3/query?q=type_of_gene:(tRNA OR rRNA OR snRNA OR snoRNA OR scRNA OR ncRNA)"),
    ],
)  # fmt: skip
def test_no_list_is_made_of_what_is_none(question, request_):
    assert completed(request_, question) == Query.parse(request_).line


@pytest.mark.parametrize(
    "line",
    [
        "mygene /v3/query?q=symbol:(CDK2 OR CDK4) AND NOT name:CDK2",
        "mygene /v3/query?q=NOT symbol:CDK2 AND symbol:CDK*",
        "mygene /v3/query?q=CDK2,tp53&scopes=symbol,alias&fields=name",
    ],
)
def test_what_differs_stays(line):
    assert completed(line, "CDK2 and CDK4?") == Query.parse(line).line


@pytest.mark.parametrize(
    ("drafted", "meant"),
    [
        ("entrezgene:<=11400 AND entrezgene:<=11500", "entrezgene:[11400 TO 11500]"),
        ("symbol:A* AND exac.all.p_li:>0.9 AND exac.all.p_li:>0.5", "exac.all.p_li:[0.5 TO 0.9] AND symbol:A*"),
        ("entrezgene:>10 AND entrezgene:<20", "entrezgene:>10 AND entrezgene:<20"),
        ("entrezgene:<10 OR entrezgene:<20", "entrezgene:<10 OR entrezgene:<20"),
    ],
)
def test_two_bounds_of_one_side_are_both_ends(drafted, meant):
    assert (
        completed(f"mygene /v3/query?q={drafted}", "from a up to b") == Query.parse(f"mygene /v3/query?q={meant}").line
    )


def test_the_rules_agree_with_the_training_pairs(real_home):
    """Every twelfth pair: its request already says what its question states, but for a few in a thousand."""
    names = open_names(real_home)
    seen = changed = 0
    for pair in read_pairs(data_dir() / "train" / "pairs.jsonl.zst")[::12]:
        if pair.request != "none":
            query = Query.parse(pair.request)
            history = [turn.request for turn in pair.history]
            seen += 1
            changed += complete(query, pair.question, names, history).canonical != query.canonical
    assert changed <= 0.004 * seen


@pytest.mark.parametrize(
    ("question", "line", "species"),
    [
        ("orthologs of human TP53", "mygene /v3/query?q=symbol:TP53&fields=agr.orthologs", "human"),
        ("is TP53 conserved in yeast?", "mygene /v3/query?q=symbol:TP53&fields=agr.orthologs", None),
        (
            "do rats have their own CCDC190, i.e. an ortholog?",
            "mygene /v3/query?q=symbol:CCDC190&fields=homologene",
            None,
        ),
        ("is human TP53 conserved in yeast?", "mygene /v3/query?q=symbol:TP53&fields=agr.orthologs", "human"),
        ("what is the mouse ortholog of human BRCA1?", "mygene /v3/query?q=symbol:BRCA1&fields=agr.orthologs", "human"),
        ("the yeast CDK1 homolog", "mygene /v3/query?q=symbol:CDK1&fields=agr.orthologs", None),
        ("name and homologs of mouse TP53", "mygene /v3/query?q=symbol:TP53&fields=name,homologene", "mouse"),
        ("location of CDK2 in MOUSE", "mygene /v3/query?q=symbol:CDK2&fields=genomic_pos", "mouse"),
        ("what does CAT do?", "mygene /v3/query?q=symbol:CAT&fields=summary", None),
        ("PIGS in pigs: summary", "mygene /v3/query?q=symbol:PIGS&fields=summary", "pig"),
    ],
)
def test_a_species_is_that_of_the_gene(question: str, line: str, species: str | None) -> None:
    assert complete(Query.parse(line), question, NAMES).params.get("species") == species
