"""Names in requests are whole, and stand alone."""

import pytest

from agent.named import mend_names
from rag.names import Names
from tools.query import Query

NAMES = Names.of(
    {
        "disease": ["cherubism", "Usher syndrome", "gout", "scurvy", "mucoviscidosis", "tumor of the pancreas",
                    "seizure", "intellectual disability", "type 2 diabetes mellitus", "diabetes mellitus", "HIT"],
        "chemical": ["CHOLIC ACID", "imatinib", "Nilotinib"],
        "gene": ["LEP", "MC4R", "TRP53", "BRCA2", "PTEN", "IMPACT"],
    },
    possessive=["Bell's palsy"],
)  # fmt: skip


@pytest.mark.parametrize(
    ("question", "api", "drafted", "mended"),
    [
        ("OMIM number for cherubism", "mydisease", 'mondo.label:"number for cherubism"', "mondo.label:cherubism"),
        ("Usher syndrome variants", "myvariant", "clinvar.rcv.conditions.name:Usher",
         'clinvar.rcv.conditions.name:"Usher syndrome"'),
        ("KEGG id of cholic acid", "mychem", "chembl.pref_name:cholic", 'chembl.pref_name:"cholic acid"'),
        ("gout and scurvy: genes", "mydisease", 'mondo.label:"gout and scurvy"', "mondo.label:(gout OR scurvy)"),
        ("imatinib, nilotinib: sex", "mychem", "chembl.pref_name:imatinib", "chembl.pref_name:(imatinib OR nilotinib)"),
        ("LEP and MC4R: where are they?", "mygene", "symbol:LEP", "symbol:(LEP OR MC4R)"),
        ("types of Trp53, Brca2, Pten", "mygene", "symbol:(Trp53 OR Brca2)", "symbol:(Trp53 OR Brca2 OR Pten)"),
        ("LEP MC4R PTEN entrez ids", "mygene", "symbol:LEP AND name:PTEN", "symbol:(LEP OR MC4R OR PTEN)"),
        ("drugs for LEP but not MC4R", "mychem", "gtopdb.interaction_targets.symbol:LEP",
         "gtopdb.interaction_targets.symbol:LEP AND NOT gtopdb.interaction_targets.symbol:MC4R"),
        ("phagocytosis or pinocytosis: genes", "mygene", 'go.BP.term:"phagocytosis or pinocytosis"',
         "go.BP.term:(phagocytosis OR pinocytosis)"),
        ("clinvar variants gout", "myvariant", 'clinvar.rcv.conditions.name:"clinvar variants gout"',
         "clinvar.rcv.conditions.name:gout"),
        ("all Usher syndromes", "mydisease", 'mondo.label:"Usher syndromes"', 'mondo.label:"Usher syndrome"'),
        ("approved first for gout", "mydisease",
         "mondo.label:gout AND disgenet.genes_related_to_disease.gene_name:first", "mondo.label:gout"),
        ("gout and LEP", "mydisease", "mondo.label:gout AND disgenet.genes_related_to_disease.gene_name:LEP",
         "mondo.label:gout AND disgenet.genes_related_to_disease.gene_name:LEP"),
        ("chromosomes of LEP MC4R BRCA2 PTEN", "mygene", "symbol:(LEP OR MC4R OR PTEN)",
         "symbol:(LEP OR MC4R OR BRCA2 OR PTEN)"),
        ("phenotypes of Usher's syndrome", "mydisease", 'mondo.label:"Usher\'s syndrome"',
         'mondo.label:"Usher syndrome"'),
        ("a disease also known as mucoviscidosis", "mydisease",
         '(mondo.label:"disease also known as mucoviscidosis" OR mondo.synonym.exact:"also known as mucoviscidosis")',
         "(mondo.label:mucoviscidosis OR mondo.synonym.exact:mucoviscidosis)"),
        ("genes for type 2 diabetes mellitus", "mydisease", 'mondo.label:"diabetes mellitus"',
         'mondo.label:"type 2 diabetes mellitus"'),
    ],
)  # fmt: skip
def test_names_are_whole_and_alone(question, api, drafted, mended):
    version = "v3" if api == "mygene" else "v1"
    query = Query(api=api, kind="query", q=drafted)
    wanted = Query.parse(f"{api} /{version}/query?q={mended}")
    assert mend_names(query, question, NAMES).canonical == wanted.canonical


@pytest.mark.parametrize(
    ("question", "q"),
    [
        ("tumor of the pancreas", 'mondo.label:"tumor of the pancreas"'),
        # A name that is not known, although a part of it is.
        ("familial gout nephropathy genes", 'mondo.label:"familial gout nephropathy"'),
        ("is gout a disease?", "mondo.label:gout"),
        ("drugs for gout that hit LEP", "mondo.label:gout"),
        ("seizure but not gout", "mondo.label:seizure AND NOT mondo.label:gout"),
        ("diseases named Usher", "mondo.label:Usher"),
        ("gout or scurvy", "mondo.label:gout*"),
        ("treating Bell's palsy", 'mondo.label:"Bell\'s palsy"'),
        ("gout due to enzyme deficiency", 'mondo.label:"gout due to enzyme deficiency"'),
        ("summary of scurvy", "mondo.definition:summary"),
        ("gout and scurvy", "NOT mondo.label:gout"),
    ],
)
def test_what_is_right_or_unknown_stays(question, q):
    query = Query(api="mydisease", kind="query", q=q)
    assert mend_names(query, question, NAMES) == query


def test_a_word_among_symbols_is_no_symbol():
    query = Query(api="mygene", kind="query", q="symbol:(LEP OR MC4R)")
    assert mend_names(query, "LEP and MC4R impact on obesity", NAMES) == query


def test_the_prefix_of_an_identifier_is_no_gene():
    line = "mydisease /v1/query?q=disgenet.genes_related_to_disease.gene_name:LEP AND hpo.phenotype_related_to_disease"
    query = Query.parse(line + ".hpo_id:HP\\:0007585")
    names = Names.of({"gene": ["LEP", "HP"], "disease": [], "chemical": []})
    assert mend_names(query, "which disease has LEP and HP:0007585?", names) == query


def test_a_former_symbol_in_small_letters_is_no_mere_word():
    query = Query.parse("myvariant /v1/query?q=dbsnp.gene.symbol:bves AND dbnsfp.alspac.ac:>21")
    assert mend_names(query, "bves variants seen more than 21 times in ALSPAC", NAMES) == query


def test_a_batch_holds_all_symbols():
    batch = Query.parse("mygene /v3/query?q=Trp53,Brca2&scopes=symbol&fields=name")
    assert mend_names(batch, "names of Trp53, Brca2, Lep and Pten", NAMES).ids == ("Trp53", "Brca2", "Lep", "Pten")


@pytest.mark.parametrize(
    ("question", "line", "mended"),
    [
        ("cherubism definition", 'mondo.label:"cherubism definition"&fields=mondo.definition',
         "mondo.label:cherubism&fields=mondo.definition"),
        ("in what way do families inherit scurvy?", 'mondo.label:"families inherit"&fields=hpo.inheritance',
         "mondo.label:scurvy&fields=hpo.inheritance"),
        ("inheritance of woolly hair", 'mondo.label:"woolly hair"&fields=hpo.inheritance',
         'mondo.label:"woolly hair"&fields=hpo.inheritance'),
    ],
)  # fmt: skip
def test_what_is_asked_about_a_name_is_no_part_of_it(question: str, line: str, mended: str) -> None:
    assert mend_names(Query.parse(f"mydisease /v1/query?q={line}"), question, NAMES).line.endswith(mended)
