import pytest

from tools import glossary
from tools.glossary import MAX_LABEL_WORDS, Glossary, Meaning, compose


@pytest.fixture
def own(monkeypatch: pytest.MonkeyPatch) -> None:
    made = Glossary(
        sources={
            "gnomad": Meaning("gnomAD exomes", "gnomAD's exome sequences", ("gnomad",)),
            "gnomad.hom": Meaning("gnomAD homozygotes", "gnomAD's counts of homozygotes"),
        },
        terms={
            "af": Meaning("allele frequency", "allele frequency", ("MAF",)),
            "afr": Meaning("African", "African", ("Africans",)),
            "freq_num": Meaning("patients affected", "number of patients", ()),
        },
    )
    monkeypatch.setattr(glossary, "load_glossary", lambda api: made)


def test_a_segment_is_read_word_by_word_and_repetition_is_left_out(own: None):
    text = compose("any", "gnomad.af.af_afr", "float")
    assert text.label == "gnomAD exomes allele frequency African"
    assert text.description == "Allele frequency African, from gnomAD's exome sequences."
    assert text.synonyms == ("MAF", "Africans", "gnomad")


def test_the_longest_known_source_counts(own: None):
    assert compose("any", "gnomad.hom.afr", "float").label == "gnomAD homozygotes African"


def test_a_run_of_words_can_be_a_term(own: None):
    assert compose("any", "gnomad.freq_num_afr", "float").label == "gnomAD exomes patients affected African"


def test_unknown_terms_are_spelled_out(own: None):
    assert compose("any", "someSource.leafWidth_mm", "float").label == "some source leaf width mm"


def test_objects_are_called_so(own: None):
    text = compose("any", "gnomad.af", "object")
    assert text.description == "Allele frequency (whole entry), from gnomAD's exome sequences."


def test_labels_stay_short_and_keep_the_leaf(own: None):
    label = compose("any", "gnomad.one_two_three.four_five.six_seven_eight", "float").label
    assert len(label.split()) <= MAX_LABEL_WORDS
    assert label.endswith("six seven eight")
