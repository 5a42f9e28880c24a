"""What of closed vocabularies a conversation speaks of."""

from __future__ import annotations

import pytest

from agent.grammar import build_grammar
from agent.grammar.evidence import Evidence
from finetune.dataset import read_pairs
from tools.catalogue import load_catalogue
from tools.lucene import LuceneSyntaxError, Phrase, Term, clauses_of, parse
from tools.paths import data_dir
from tools.query import Query

EFFECTS = load_catalogue("myvariant").fields["snpeff.ann.effect"].values


@pytest.mark.parametrize(
    ("question", "api", "path", "wanted"),
    [
        ("leave the pseudogenes out", "mygene", "type_of_gene", ("pseudo",)),
        ("snoRNA genes of mouse", "mygene", "type_of_gene", ("snoRNA",)),
        ("count the transfer RNA genes", "mygene", "type_of_gene", ("tRNA",)),
        ("order them by symbol", "mygene", "type_of_gene", ()),
        ("how many of each type?", "mygene", "type_of_gene", ()),
        ("nonsense variants in BRAF", "myvariant", "snpeff.ann.effect", ("stop_gained",)),
        ("variants in BRAF", "myvariant", "snpeff.ann.effect", ()),
        ("pthogenic variants in BRAF", "myvariant", "clinvar.type", ()),
        ("SIFT damaging", "myvariant", "dbnsfp.sift.pred", ("D",)),
        ("variants that SIFT calls damaging", "myvariant", "cadd.sift.cat", ("deleterious", "tolerated")),
        ("resistance biomarkers of CGI", "myvariant", "cgi.evidence_level", ()),
        ("serine to Lys", "myvariant", "dbnsfp.aa.alt", ("K", "S")),
        ("I want EGFR T790M", "myvariant", "dbnsfp.aa.ref", ("T", "M")),
        ("A>G changes", "myvariant", "dbnsfp.ref", ("A", "G")),
        ("safe variants of MLH1", "myvariant", "emv.egl_classification", ("Benign",)),
        ("variants in INSR, delayed onset", "myvariant", "clinvar.type", ()),
        ("licenced drugs for gout", "mychem", "chembl.drug_mechanisms.action_type", ()),
        (
            "which drugs block OPRM1",
            "mychem",
            "chembl.drug_mechanisms.action_type",
            ("ANTAGONIST", "BLOCKER", "INHIBITOR"),
        ),
    ],
)
def test_values_need_a_reason(question, api, path, wanted):
    values = load_catalogue(api).fields[path].values
    allowed = Evidence(question).allowed(api, path, values)
    if wanted == ("stop_gained",):
        assert "stop_gained" in allowed and "missense_variant" not in allowed
    else:
        assert set(allowed) == set(wanted)


def test_a_misspelt_value_is_a_reason():
    values = load_catalogue("myvariant").fields["clinvar.rcv.clinical_significance"].values
    allowed = Evidence("pthogenic variants").allowed("myvariant", "clinvar.rcv.clinical_significance", values)
    assert "Pathogenic" in allowed and "drug response" not in allowed


def test_an_earlier_turn_opens_the_field_and_hides_nothing():
    values = load_catalogue("mychem").fields["chembl.drug_mechanisms.action_type"].values
    earlier = ("drugs that inhibit GLP1R", "mychem /v1/query?q=chembl.drug_mechanisms.action_type:INHIBITOR")
    assert (
        Evidence("and the others?", earlier).allowed("mychem", "chembl.drug_mechanisms.action_type", values) == values
    )
    narrowed = Evidence("those that stimulate it", earlier)
    assert {"AGONIST", "INHIBITOR"} <= set(narrowed.allowed("mychem", "chembl.drug_mechanisms.action_type", values))
    assert "OPENER" not in narrowed.allowed("mychem", "chembl.drug_mechanisms.action_type", values)


def test_part_of_a_long_value_hides_no_other():
    path = "clinvar.rcv.clinical_significance"
    values = load_catalogue("myvariant").fields[path].values
    allowed = Evidence("CFTR variants with a known response").allowed("myvariant", path, values)
    assert not allowed or "Pathogenic" in allowed
    assert "Pathogenic" in Evidence("class 5 variants in BRCA1").allowed("myvariant", path, values)


@pytest.mark.parametrize("api", ["mygene", "myvariant", "mychem", "mydisease"])
def test_every_value_is_a_reason_for_itself(api):
    for field in load_catalogue(api):
        for value in field.values if len(field.values) <= 80 else ():
            said = f"{field.label}: {value}"
            assert value in Evidence(said).allowed(api, field.path, field.values), (field.path, value)


@pytest.mark.timeout(5)  # A pattern that tries every pair of places took nine seconds.
def test_a_long_question_ties_up_no_pattern():
    assert not Evidence("wt1" * 666).wants("not")


def test_flags_need_words_of_their_own():
    assert Evidence("approved drugs for gout").speaks_of("mychem", "chembl.max_phase")
    assert not Evidence("drugs for gout").speaks_of("mychem", "chembl.prodrug")


@pytest.mark.parametrize(
    ("part", "with_it", "without"),
    [
        ("facets", "break kinase genes down by type", "kinase genes of the mouse"),
        ("sort", "heaviest drugs for gout", "drugs for gout"),
        ("not", "kinases that aren't human", "kinases in mouse"),
    ],
)
def test_counts_order_and_negation_are_asked_for(part, with_it, without):
    assert Evidence(with_it).wants(part) and not Evidence(without).wants(part)


def test_the_grammar_takes_no_part_that_nobody_asked_for():
    found = {"mygene": ["type_of_gene", "name", "symbol", "taxid"]}
    for part, question in (
        ("&facets=taxid", "per species"),
        ("&sort=symbol", "sorted"),
        (" AND NOT _exists_:symbol", "no symbol"),
    ):
        line = f"mygene /v3/query?q=name:kinase{part}"
        assert not build_grammar("kinase genes", (), found).accepts(line)
        assert build_grammar(f"kinase genes, {question}", (), found).accepts(line)
    filtered = "mygene /v3/query?q={}&filter=name:kinase"
    assert not build_grammar("kinase genes", (), found).accepts(filtered.format("name:kinase"))
    assert build_grammar("kinase genes in chr1:1000-200000", (), found).accepts(filtered.format("chr1:1000-200000"))


def test_the_grammar_takes_no_value_without_a_reason():
    found = {"mygene": ["type_of_gene", "name"]}
    line = "mygene /v3/query?q=name:kinase AND type_of_gene:snoRNA"
    assert not build_grammar("kinase genes", (), found).accepts(line)
    assert build_grammar("kinase snoRNA genes", (), found).accepts(line)
    # What an earlier turn asked for may be asked for again.
    assert build_grammar("kinase genes", (line,), found).accepts(line)


def test_it_takes_the_values_of_the_training_pairs():
    """Every fortieth pair: what is asked for there has its reason in the question."""
    seen = refused = 0
    for pair in read_pairs(data_dir() / "train" / "pairs.jsonl.zst")[::40]:
        if pair.request == "none":
            continue
        query = Query.parse(pair.request)
        try:
            leaves = clauses_of(parse(query.q or "")) if query.kind == "query" else []
        except LuceneSyntaxError:
            continue
        texts = [pair.question, *(text for turn in pair.history for text in (turn.question, turn.request))]
        for leaf in leaves:
            field = load_catalogue(query.api).get(leaf.field or "") if isinstance(leaf, (Term, Phrase)) else None
            if field is None or not field.values:
                continue
            seen += 1
            if all(value.lstrip("-").isdigit() or value in ("true", "false") for value in field.values):
                refused += not Evidence(texts[0], texts[1:]).speaks_of(query.api, field.path)
            else:
                allowed = Evidence(texts[0], texts[1:]).allowed(query.api, field.path, field.values)
                refused += leaf.text.lower() not in {value.lower() for value in allowed}
    assert seen > 100
    assert refused <= 0.02 * seen


def test_a_value_that_goes_on_behind_the_one_said_is_not_meant():
    values = load_catalogue("myvariant").fields["clinvar.rcv.clinical_significance"].values
    path = ("myvariant", "clinvar.rcv.clinical_significance", values)
    earlier = ("pathogenic variants in TSC2",)
    for evidence in (Evidence("pathogenic TSC2 variants"), Evidence("only the de novo ones", earlier)):
        assert "Pathogenic" in evidence.allowed(*path)
        assert "Pathogenic, low penetrance" not in evidence.allowed(*path)
    assert "Pathogenic, low penetrance" in Evidence("pathogenic with low penetrance").allowed(*path)
    disputed = Evidence("variants whose pathogenicity is in conflict")
    assert "Conflicting classifications of pathogenicity" in disputed.allowed(*path)


def test_counted_are_fields_of_which_a_word_was_said():
    paths = {"myvariant": ["dbsnp.gene.symbol", "dbsnp.chrom", "clinvar.rcv.conditions.name"]}
    line = 'myvariant /v1/query?q=clinvar.rcv.conditions.name:"long QT syndrome"&facets='
    grammar = build_grammar("How are the long QT syndrome variants spread over the chromosomes?", (), paths)
    assert grammar.accepts(f"{line}dbsnp.chrom")
    assert not grammar.accepts(f"{line}dbsnp.gene.symbol")


def test_a_rank_and_another_assembly_need_words():
    assert Evidence("REVEL score of rs1").rules_out("dbnsfp.revel.rankscore")
    assert not Evidence("REVEL percentile of rs1").rules_out("dbnsfp.revel.rankscore")
    assert Evidence("by hg38 start").rules_out("clinvar.hg19.start")
    assert Evidence("GRCh38 position").rules_out("genomic_pos_hg19.start")
    assert not Evidence("by start position").rules_out("clinvar.hg19.start")
    assert not Evidence("hg19 and hg38 start").rules_out("clinvar.hg19.start")
    assert not Evidence("GRCh37/38 coordinates").rules_out("clinvar.hg38")
    assert not Evidence("lift it from hg19 to 38").rules_out("clinvar.hg38")
    assert not Evidence("in the top 1% of REVEL").rules_out("dbnsfp.revel.rankscore")
