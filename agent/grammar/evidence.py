"""What of a closed vocabulary a conversation speaks of.

A small model that has written a clause too many fills it with whatever the field allows: a gene type nobody asked for,
an action of the wrong sort. Every other literal is a span of the conversation already; here the allowed values of a
field are held to the same: one can be written where its own words were said, or, where none of the field's values was
said by name, where words for the field itself were.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property, lru_cache
from typing import Literal

from rapidfuzz import fuzz

from rag.lexical import terms
from tools.catalogue import Catalogue, Field, load_catalogue

#: Said in full, one word of a value is as good as the other if they agree in so many letters: agonism, agonist.
_SHARED_LETTERS = 4
#: Words on more than this share of an API's fields do not tell one field from another.
_TELLING_SHARE = 0.06
#: How alike a misspelt word must be, of 100, and how long.
_ALIKE, _MISSPELT_LETTERS = 86, 6
#: Words of values that are in every other question.
_GENERIC = frozenset(terms("variant gene drug disease molecule type"))
_NUMBER = re.compile(r"\d+")

#: Other words for values: how each begins.
_OTHER_WORDS = {
    "pseudo": "pseudogen", "protein-coding": "coding,encod,code for", "other": "other",
    "ncrna": "non-coding,noncoding,lnc,long non,untranslated", "snorna": "small nucleolar", "snrna": "small nuclear",
    "scrna": "small cytoplasmic", "rrna": "ribosom", "trna": "transfer", "mirna": "micro",
    "lncrna": "long non,long intergenic,linc,non-coding,noncoding",
    "ad": "autosomal dom,dominant", "ar": "autosomal rec,recessive", "xl": "x-link,x link,sex-link", "sd": "semi",
    "mt": "mitochond",
    "tclin": "clinic,approved", "tchem": "chem,potent", "tbio": "biolog", "tdark": "dark,understud,unstud,little known",
    "pathogenic": "disease-caus,caus,harm,damag,delet,ill,sick,p/lp,plp",
    "likely pathogenic": "probabl,lp,p/lp,plp,suspect",
    "benign": "harmless,neutral,innoc,no effect,not harmful", "likely benign": "probabl,lb",
    "uncertain significance": "vus,vous,unclear,unknown,unsure,undetermin,not known",
    "conflicting interpretations of pathogenicity": "disagree,contradict,discord,inconsist,differ",
    "conflicting classifications of pathogenicity": "disagree,contradict,discord,inconsist,differ",
    "single nucleotide variant": "snv,snp,substitut,point mut,single base,single-base,single-nucl,one base,base change",
    "snv": "snp,substitut,single nucl,single base,single-nucl,point mut,base change", "mnv": "multi",
    "snp": "snv,substitut,single,point mut", "deletion": "del", "insertion": "ins", "duplication": "dup",
    "inversion": "inver", "indel": "delins,deletion-ins,deletion/ins,deletion and ins",
    "delins": "indel,deletion-ins,deletion/ins,deletion and ins,deletion plus ins",
    "microsatellite": "repeat,str,satellite", "copy number gain": "cnv,amplif", "copy number loss": "cnv",
    "ins": "insert", "del": "delet", "sub": "substitut", "dnp": "dinucl,double",
    "stop_gained": "nonsense,truncat,ptc,premature,stop", "stop_lost": "stop,readthrough,read-through",
    "start_lost": "start,initiat", "missense_variant": "amino acid,non-synonym,nonsynonym,substitut",
    "synonymous_variant": "silent", "frameshift_variant": "frame,fs,out of frame,truncat",
    "5_prime_utr_variant": "5'", "3_prime_utr_variant": "3'", "splice_donor_variant": "splic",
    "splice_acceptor_variant": "splic", "splice_region_variant": "splic", "intergenic_region": "between genes",
    "canonical_splice": "splic", "splice_site": "splic", "non_synonymous": "missense,nonsynonym",
    "high": "sever,strong,disrupt,serious", "modifier": "modif", "practice guideline": "four,4",
    "reviewed by expert panel": "expert,three,3", "criteria provided, single submitter": "one,1",
    "criteria provided, multiple submitters, no conflicts": "two,2,several,agree",
    "no assertion criteria provided": "zero,0,no star,without", "germline": "constitut,inherit,hereditar",
    "somatic": "tumo,cancer,acquired", "de novo": "de-novo,denovo,new,spontan,arose",
    "responsive": "respon,sensitiv", "increased toxicity": "toxic", "predictive": "predict,therap,respon,drug",
    "prognostic": "prognos,surviv,outcome", "predisposing": "predispos,risk,hereditar", "diagnostic": "diagnos",
    "small molecule": "chemical", "antibody": "mab,monoclon,antibod", "antibody drug conjugate": "adc",
    "protein": "biologic,peptid", "oligonucleotide": "antisense,sirna,oligo,aso", "cell": "cell,car-t",
    "synthetic organic": "synthetic,small mol", "inhibitor": "inhibit", "antagonist": "block",
    "blocker": "block,inhibit,antagon", "therapeutic": "treat,therap,cure,medic",
    "marker/mechanism": "mark,mechan,caus,induc,toxic,risk,harm",
    "congenital onset": "birth,born,newborn", "neonatal onset": "newborn", "infantile onset": "baby,babies",
    "childhood onset": "child,kid,pediatr,paediatr,young", "juvenile onset": "teen,adolesc,young",
    "adult onset": "grown", "late onset": "late,old,elder", "antenatal onset": "prenatal,before birth,womb",
    "fetal onset": "foet,womb,before birth", "middle age onset": "middle",
    "mitochondrial inheritance": "maternal,mitochond,mtdna", "x-linked inheritance": "x chrom,sex-link",
    "multifactorial inheritance": "complex", "sporadic": "not inherit,non-famil", "somatic mosaicism": "mosaic",
    "male": "man,men,boy,masculin", "female": "woman,women,girl,feminin",
    "hp:0000006": "dominant", "hp:0000007": "recessive", "hp:0001417": "x-link,x link",
    "hp:0001427": "mitochond,maternal",
    "human prescription drug": "prescri,rx", "human otc drug": "otc,over the,over-the", "nda": "new drug",
    "anda": "generic,abbreviat", "bla": "biolog", "iea": "electron,automat", "ida": "direct assay",
    "trade_name": "brand,trade,commercial", "research_code": "code", "designated/approved": "approved,designated",
    "systematic": "iupac", "gpcr": "g protein,g-protein", "clinicaltrials": "trial", "gwascat": "gwas",
    "haematopoietic_and_lymphoid_tissue": "blood,leuk,lymph,haem,hemat", "large_intestine": "colon,colorect,bowel",
    "central_nervous_system": "brain,cns,glio", "oesophagus": "esoph,gullet",
    "upper_aerodigestive_tract": "head and neck,mouth,throat", "urinary_tract": "bladder", "kidney": "renal",
    "liver": "hepat", "lung": "pulmon", "stomach": "gastr", "ovary": "ovar", "breast": "mamm", "skin": "melanom,derm",
    "bone": "osteo", "prostate": "prostat", "endometrium": "uter,womb",
}  # fmt: skip
#: The letters of predictors' verdicts and of amino acids, by the last term of their fields' paths.
_VERDICTS = {
    "d": "damag,delet,harm,pathogen,disease", "t": "toler,benign,neutral", "n": "neutral,benign,toler",
    "p": "pathogen,possib,polymorph", "b": "benign,toler", "a": "ambig,automat", "h": "high", "m": "medium", "l": "low",
    "u": "uncertain,unknown",
}  # fmt: skip
_AMINO_ACIDS = {
    "a": "ala", "r": "arg", "n": "asn,asparagine", "d": "asp,aspart", "c": "cys", "q": "gln,glutamine",
    "e": "glu,glutam", "g": "gly", "h": "his", "i": "ile,isoleu", "l": "leu", "k": "lys", "m": "met", "f": "phe",
    "p": "pro", "s": "ser", "t": "thr", "w": "trp,trypto", "y": "tyr", "v": "val", "x": "stop,nonsense",
}  # fmt: skip
#: Other words for fields that are flags or grades.
_FLAG_WORDS = {
    "chembl.max_phase": "licen,market,authori,clinical,trial,experimental,investigat",
    "chembl.oral": "mouth,pill,tablet",
}

#: Words without which nobody asks for counts by value, an order, or what is not so. They are many on purpose: of the
#: training pairs that have such a part fewer than one in a hundred lack them, and those are misspelt.
_CUES = {
    "facets": """
        by per each every most over across distribut count break broken largest common top histog bucket facet categor
        statistic tally tallies spread split group number leading frequen class kind type proportion share tabulat
        summar aggregat cluster divid according composition made\\sup fall stratif profile various different domin rich
        """,
    "sort": """
        by first last oder order sort sorit rank top bottom most least best worst ascend descend alphabet a\\sto\\sz
        z\\sto\\sa a-z high low recent new old earl late lead larg \\w+est(?!\\w) max min arrang line decreas increas
        begin rising falling up(?!\\w) down
        """,
    "not": """
        not?(?!\\w) non never none neither nor(?!\\w) w\\w*t\\w*out w/o lack miss exc\\w+ ecept unless outside
        out(?!\\w) empty drop other\\sthan free apart minus absent absence but(?!\\w) remov negative rather instead
        ignor discard skip leav omit un\\w+ avoid yet(?!\\w) isn aren doesn don didn hasn haven can alone anything
        rest(?!\\w) rid(?!\\w) forget remain only subtract strip filter pure selective devoid spar complement opposite
        revers around invert
        """,
}
_CUE_PATTERNS = {name: re.compile(rf"(?<![a-z])(?:{'|'.join(cues.split())})") for name, cues in _CUES.items()}
_NEGATED = re.compile(r"n['’]t(?!\w)|[-\w](?:free|negative|less)(?!\w)")


class Evidence:
    """What a conversation speaks of; `texts` are its questions and earlier request lines."""

    def __init__(self, texts: Iterable[str]) -> None:
        """Read the conversation."""
        self._text = " ".join(texts).lower().replace("_", " ")

    @cached_property
    def _stems(self) -> frozenset[str]:
        return frozenset(terms(self._text))

    @cached_property
    def _words(self) -> frozenset[str]:
        return frozenset(re.findall(r"\w+", self._text))

    @cached_property
    def _long(self) -> tuple[str, ...]:
        return tuple(stem for stem in self._stems if len(stem) >= _SHARED_LETTERS)

    def allowed(self, api: str, path: str, values: Sequence[str]) -> tuple[str, ...]:
        """Return those of a field's `values` that the conversation gives reason to write, none if it gives none.

        Words of longer values count as values of analysed text where they were said: any "conflicting" significance.
        """
        other = _VERDICTS if path.endswith("pred") else _AMINO_ACIDS if ".aa." in path else _OTHER_WORDS
        named = tuple(value for value in values if self._names(value, other))
        if not named:
            return tuple(values) if self.speaks_of(api, path) else ()
        field = load_catalogue(api).get(path)
        if field is None or field.type != "text":
            return named
        words = (word.strip(",") for value in named if " " in value for word in value.split())
        said = (word for word in words if len(word) >= _SHARED_LETTERS and word.lower() in self._words)
        return tuple(dict.fromkeys((*named, *said)))

    def speaks_of(self, api: str, path: str) -> bool:
        """Tell whether a word that tells this field from others was said; true where it has no such word."""
        words = _telling_words(load_catalogue(api)).get(path, frozenset())
        return not words or any(map(self._says, words)) or self._says_any(_FLAG_WORDS.get(path, ""))

    def wants(self, part: Literal["facets", "sort", "not"]) -> bool:
        """Tell whether a part of a request was spoken of: counts by value, an order, something that is not so."""
        found = _CUE_PATTERNS[part].search(self._text)
        return bool(found or (part == "not" and _NEGATED.search(self._text)))

    def says(self, start: str) -> bool:
        """Tell whether a word was said that begins so."""
        return self._says_any(start)

    def _names(self, value: str, other: Mapping[str, str]) -> bool:
        words = [word for word in terms(value.replace("_", " ")) if word not in _GENERIC]
        return self._says_any(other.get(value.lower(), "")) or any(map(self._says, words))

    def _says_any(self, starts: str) -> bool:
        return any(re.search(rf"(?<!\w){re.escape(start)}", self._text) for start in starts.split(",") if start)

    def _says(self, word: str) -> bool:
        """Tell whether a stem was said, perhaps in another form or misspelt."""
        if word in self._stems:
            return True
        if len(word) < _SHARED_LETTERS:
            return False
        return any(
            word.startswith(said)
            or said.startswith(word)
            or (min(len(word), len(said)) >= _MISSPELT_LETTERS and fuzz.ratio(word, said) >= _ALIKE)
            for said in self._long
        )


@lru_cache(maxsize=16)
def _telling_words(catalogue: Catalogue) -> dict[str, frozenset[str]]:
    """Return the stems of each closed field's path, label and synonyms that few other fields have."""
    words = {field.path: _words(field) for field in catalogue}
    counts = Counter(word for stems in words.values() for word in stems)
    most = _TELLING_SHARE * len(words)
    return {path: frozenset(word for word in stems if counts[word] <= most) for path, stems in words.items()}


def _words(field: Field) -> frozenset[str]:
    path = field.path.replace(".", " ").replace("_", " ")
    return frozenset(
        word for text in (path, field.label, *field.synonyms) for word in terms(text) if not _NUMBER.fullmatch(word)
    )
