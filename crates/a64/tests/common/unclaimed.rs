//! Instructions that no model has, not even `max`, and which therefore have no row.

/// Encodings of one architectural feature, by parts of exarmo's names for them.
pub struct Unclaimed {
    pub feature: &'static str,
    pub parts: &'static [&'static str],
    /// One instruction word of it.
    pub example: u32,
}

impl Unclaimed {
    pub fn covers(&self, encoding: &str) -> bool {
        self.parts.iter().any(|part| encoding.contains(part))
    }
}

const fn row(feature: &'static str, parts: &'static [&'static str], example: u32) -> Unclaimed {
    Unclaimed { feature, parts, example }
}

pub const UNCLAIMED: &[Unclaimed] = &[
    row(
        "FEAT_CMPBR",
        &["Cbb", "Cbeq", "Cbge", "Cbgt", "Cbhe", "Cbhg", "Cbhh", "Cbhi", "Cbhne", "Cbhs", "Cblo", "Cblt", "Cbne"],
        0x74c9_88d3,
    ),
    row(
        "FEAT_MTE, FEAT_NMI, FEAT_SME, FEAT_EBEP: other PSTATE fields of MSR (immediate)",
        &["MsrSiPstate"],
        0xd503_4b9f,
    ),
    row("FEAT_D128", &["MrrsRs", "MsrrSr", "SyspCr"], 0xd577_47a2),
    row("FEAT_PAuth_LR", &["sppc", "Pacnbi", "Pacm"], 0xf392_2a3f),
    row(
        "FEAT_MTE",
        &["Addsubimmtags", "AddsubImmtags", "Ldsttags", "Irg64", "Gmi64", "Subp64s", "Subps64s", "Stgp64"],
        0x91bc_fefe,
    ),
    row("FEAT_CPA", &["Addpt64", "Subpt64", "Maddpt64", "Msubpt64"], 0x9a1e_3f46),
    row("FEAT_MOPS of FEAT_MTE: SETG", &["Setg"], 0x1ddf_0441),
    row("FEAT_LRCPC3", &["Ldiappstilp", "LdapstlWriteback"], 0x9915_180f),
    row("FEAT_LOR", &["Ldlar", "Stllr"], 0x888f_4c01),
    row("FEAT_LS64, FEAT_LS64_V, FEAT_LS64_ACCDATA", &["64bMemop", "Ld64b", "Lda64b", "St64b", "Stl64b"], 0xf83f_9064),
    row("FEAT_LSE128", &["Ldclrp", "Ldsetp", "Swpp"], 0x192e_1266),
    row("FEAT_THE", &["Rcw"], 0x1929_0ade),
    row(
        "FEAT_LSUI",
        &["MemopUnpriv", "ComswapUnpriv", "ComswapprUnpriv", "LdstexclrUnpriv", "Ldtnp", "Ldtp", "Sttnp", "Sttp"],
        0xc9cb_fc0c,
    ),
    row("extensions of 2025 and later: FLT, CFLTcc, TFLTZ", &["FltExException", "Cflt", "Tflt"], 0xd434_7210),
    row(
        "extensions of 2025 and later: TCHANGEF, TCHANGEB, TENTER, TEXIT",
        &["Tchange", "Tenter", "Texit"],
        0xd597_ee06,
    ),
    row("extensions of 2025 and later: HINTE", &["HinteExtendedhint"], 0xd503_20fe),
    // SIMD&FP.
    row(
        "FEAT_FP8, FEAT_FP8DOT2, FEAT_FP8DOT4, FEAT_FP8FMA, FEAT_F8F32MM, FEAT_F8F16MM",
        &[
            "F1cvtl",
            "F2cvtl",
            "Bf1cvtl",
            "Bf2cvtl",
            "FcvtnAsimdsame2",
            "FdotAsimdelemD",
            "FdotAsimdelemG",
            "FdotAsimdsame2D",
            "FdotAsimdsame2Dd",
            "Fmlalb",
            "Fmlalt",
            "Fmlall",
            "FmmlaAsimdFp8",
            "FscaleAsimd",
        ],
        0x2ea1_7a80,
    ),
    row("FEAT_F16F32DOT, FEAT_F16F32MM, FEAT_F16MM", &["Fp16fp32", "FmmlaAsimdFp16"], 0x0e92_fe7a),
    row("FEAT_FAMINMAX", &["FamaxAsimd", "FaminAsimd"], 0x0ea1_de7f),
    row("FEAT_FPRCVT", &["Sisd32d", "Sisd32h", "Sisd64h", "Sisd64s"], 0x1e7a_03fd),
    row("FEAT_LSFE", &["Ldf", "Ldbf", "Stf", "Stbf"], 0x7c2c_0080),
    row("FEAT_LUT", &["Luti2Asimd", "Luti4Asimd"], 0x4e93_33b4),
    row("FEAT_LRCPC3 of SIMD&FP", &["LdapstlSimd", "Ldap1", "Stl1"], 0x1d55_cbaa),
    row("FEAT_MOPS_GO", &["MemsetGo"], 0x1dc3_830e),
    row(
        "extensions of 2025 and later: FCMTL, FMAXMG and their like",
        &["Fcmtl", "Fmaxinm", "Fmaxmg", "Fmininm", "Fminmg"],
        0x1e62_a0c0,
    ),
];
