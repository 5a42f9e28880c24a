"""Words by which people speak of what fields allow only: values, flags, and the parts of a request."""

#: How words for a value begin, beside its own; those of three letters are whole words.
OTHER_WORDS = {
    "pseudo": "pseudogen", "protein-coding": "coding,encod,code for",
    "ncrna": "non-coding,noncoding,lnc,linc,long non,untranslated", "snorna": "small nucleolar",
    "snrna": "small nuclear", "scrna": "small cytoplasmic", "rrna": "ribosom", "trna": "transfer", "mirna": "micro",
    "lncrna": "long non,long intergenic,linc,non-coding,noncoding", "ad": "autosomal dom,dominant",
    "ar": "autosomal rec,recessive", "xl": "x-link,x link,sex-link", "sd": "semi", "mt": "mitochond",
    "tclin": "clinic,approved", "tchem": "chem,potent", "tbio": "biolog",
    "tdark": "dark,understud,unstud,little known",
    "pathogenic": "disease-caus,caus,harm,damag,delet,ill,sick,"
    "p/lp,plp,bad,danger,lead to,leads to,result in,class 5",
    "likely pathogenic": "probabl,lp,p/lp,plp,suspect,class 4",
    "benign": "harmless,neutral,innoc,no effect,not harmful,safe,tolera,class 1",
    "likely benign": "probabl,lb,class 2",
    "uncertain significance": "vus,vuss,vous,uncertain,unclear,"
    "unknown,unsure,undetermin,unresolved,not known,class 3",
    "conflicting interpretations of pathogenicity": "conflict,disagree,contradict,discord,inconsist,differ",
    "conflicting classifications of pathogenicity": "conflict,disagree,contradict,discord,inconsist,differ",
    "single nucleotide variant": "snv,snp,substitut,point mut,"
    "single base,single-base,single-nucl,one base,base change",
    "snv": "snp,substitut,single nucl,single base,single-nucl,point mut,base change", "mnv": "multi",
    "snp": "snv,substitut,single,point mut", "deletion": "del", "insertion": "ins", "duplication": "dup",
    "inversion": "inver", "indel": "delins,deletion-ins,deletion/ins,deletion and ins",
    "delins": "indel,deletion-ins,deletion/ins,deletion and ins,deletion plus ins",
    "microsatellite": "repeat,str,satellite", "copy number gain": "cnv,amplif", "copy number loss": "cnv",
    "ins": "insert", "del": "delet", "sub": "substitut", "dnp": "dinucl,double",
    "stop_gained": "nonsense,truncat,ptc,premature,stop,lof,loss of function,loss-of-function",
    "stop_lost": "stop,readthrough,read-through", "start_lost": "start,initiat",
    "missense_variant": "amino acid,non-synonym,nonsynonym,substitut", "synonymous_variant": "silent",
    "frameshift_variant": "frame,fs,out of frame,truncat,lof,loss of function,loss-of-function",
    "5_prime_utr_variant": "5'", "3_prime_utr_variant": "3'", "splice_donor_variant": "splic",
    "splice_acceptor_variant": "splic", "splice_region_variant": "splic", "intergenic_region": "between genes",
    "canonical_splice": "splic", "splice_site": "splic", "non_synonymous": "missense,nonsynonym",
    "high": "sever,strong,disrupt,serious", "modifier": "modif", "practice guideline": "four,4",
    "reviewed by expert panel": "expert,three,3", "criteria provided, single submitter": "one,1",
    "criteria provided, multiple submitters, no conflicts": "two,2,several,agree",
    "no assertion criteria provided": "zero,0,no star,without", "germline": "constitut,inherit,hereditar",
    "somatic": "tumo,cancer,acquired", "de novo": "de-novo,denovo,new,spontan,arose", "responsive": "respon,sensitiv",
    "increased toxicity": "toxic", "predictive": "predict,therap,respon,drug", "prognostic": "prognos,surviv,outcome",
    "predisposing": "predispos,risk,hereditar", "diagnostic": "diagnos", "small molecule": "chemical",
    "antibody": "mab,monoclon,antibod", "antibody drug conjugate": "adc", "protein": "biologic,peptid,vaccin",
    "gene": "gene therap", "oligonucleotide": "antisense,sirna,oligo,aso", "cell": "cell,car-t",
    "synthetic organic": "synthetic,small mol",
    "inhibitor": "inhibit,block,suppress,shut,interfer,silenc,turn off,turns off",
    "agonist": "agonis,stimul,activat,turn on,turns on,mimic", "activator": "stimul,enhanc,turn on,turns on,switch on",
    "antagonist": "antagon,block", "blocker": "block,inhibit,antagon", "therapeutic": "treat,therap,cure,medic",
    "marker/mechanism": "mark,mechan,caus,induc,toxic,risk,harm", "congenital onset": "birth,born,newborn",
    "neonatal onset": "newborn", "infantile onset": "baby,babies", "autosomal dominant inheritance": "dominant",
    "autosomal recessive inheritance": "recessive", "childhood onset": "child,kid,pediatr,paediatr,young",
    "juvenile onset": "teen,adolesc,young", "adult onset": "grown", "late onset": "late,old,elder",
    "antenatal onset": "prenatal,before birth,womb,utero", "fetal onset": "foet,womb,before birth,utero",
    "middle age onset": "middle", "mitochondrial inheritance": "maternal,mitochond,mtdna",
    "x-linked inheritance": "x chrom,sex-link", "multifactorial inheritance": "complex",
    "sporadic": "not inherit,non-famil", "somatic mosaicism": "mosaic", "male": "man,men,boy,masculin",
    "female": "woman,women,girl,feminin", "hp:0000006": "dominant", "hp:0000007": "recessive",
    "hp:0001417": "x-link,x link", "hp:0001427": "mitochond,maternal", "human prescription drug": "prescri,rx",
    "human otc drug": "otc,over the,over-the", "nda": "new drug", "anda": "generic,abbreviat", "bla": "biolog",
    "iea": "electron,automat", "ida": "direct assay", "trade_name": "brand,trade,commercial", "research_code": "code",
    "designated/approved": "approved,designated", "systematic": "iupac", "gpcr": "g protein,g-protein",
    "clinicaltrials": "trial", "gwascat": "gwas", "haematopoietic_and_lymphoid_tissue": "blood,leuk,lymph,haem,hemat",
    "large_intestine": "colon,colorect,bowel", "central_nervous_system": "brain,cns,glio",
    "oesophagus": "esoph,gullet", "upper_aerodigestive_tract": "head and neck,mouth,throat",
    "urinary_tract": "bladder", "kidney": "renal", "liver": "hepat", "lung": "pulmon", "stomach": "gastr",
    "ovary": "ovar", "breast": "mamm", "skin": "melanom,derm", "bone": "osteo", "prostate": "prostat",
    "endometrium": "uter,womb", "ci": "schedule i,schedule 1,schedule one",
    "cii": "schedule ii,schedule 2,schedule two",
    "ciii": "schedule iii,schedule 3,schedule three", "civ": "schedule iv,schedule 4,schedule four",
    "cv": "schedule v,schedule 5,schedule five",
}  # fmt: skip
#: The letters of predictors' verdicts (fields whose paths end in `pred`).
VERDICTS = {
    "d": "damag,delet,harm,pathogen,disease", "t": "toler,benign,neutral", "n": "neutral,benign,toler",
    "p": "pathogen,possib,polymorph", "b": "benign,toler", "a": "ambig,automat", "h": "high", "m": "medium",
    "l": "low", "u": "uncertain,unknown",
}  # fmt: skip
#: The letters of amino acids (fields below `aa`).
AMINO_ACIDS = {
    "a": "ala,alani", "r": "arg,argini", "n": "asn,asparagi", "d": "asp,aspart", "c": "cys,cyst", "q": "gln,glutamine",
    "e": "glu,glutama,glutamic", "g": "gly,glyci", "h": "his,histi", "i": "ile,isoleu", "l": "leu,leuci",
    "k": "lys,lysi", "m": "met,methio", "f": "phe,phenyl", "p": "pro,proli", "s": "ser,serin", "t": "thr,threo",
    "w": "trp,trypto", "y": "tyr,tyros", "v": "val,valin", "x": "stop,nonsense",
}  # fmt: skip
#: Other words for fields that are flags or grades.
FLAG_WORDS = {
    "chembl.max_phase": "licen,market,authori,clinical,trial,experimental,investigat",
    "chembl.oral": "mouth,pill,tablet",
}  # fmt: skip
#: Words without which nobody asks for counts by value, an order, or what is not so. They are many on purpose: of the
#: training pairs that have such a part no more than three in a thousand lack them.
CUES = {
    "facets": r"""
        by(?!\w) per(?!\w) percent each every most over across distribut count break broken largest common top histog
        bucket facet categor statistic tally tallies spread split group number leading frequen class kind type
        proportion share tabulat summar aggregat cluster divid according composition made\sup fall stratif profile
        various different domin rich how\smany ratio versus vs(?!\w) spectrum sorts which what
        """,
    "sort": r"""
        by(?!\w) first last oder order sort sorit rank top bottom most least best worst ascend descend alphabet
        a\sto\sz z\sto\sa a-z high low recent new old earl late lead larg small big \w+est(?!\w) \w+ier(?!\w) max min
        arrang line decreas increas begin rising falling up(?!\w) down priorit chrono before
        """,
    "not": r"""
        not?(?!\w) nobody nothing non never none neither nor(?!\w) w\w{0,4}t\w{0,4}out w/o lack miss(?!ense) exc\w+
        exl\w+ ecept unless outside out(?!\w) empty drop other\sthan free apart minus absent absence but(?!\w) remov
        negative rather instead ignor discard skip leav omit un\w+ avoid yet(?!\w) isn aren doesn don didn hasn
        haven cannot can't alone anything rest(?!\w) rid(?!\w) forget remain only subtract strip filter pure
        selective devoid spar complement opposite revers around invert hide hiding ditch lose bar(?!\w) besides
        save\sfor sans zero
        """,
}
