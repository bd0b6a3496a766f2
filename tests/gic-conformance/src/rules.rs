//! The rules: what is asked of a GICv3, in our words, each with where it is written and how sure that is.
//!
//! A rule is checked by the cases that carry its number, and by in-process tests of the workspace whose names begin
//! with it (`chk_7_3_…`, `chk_3_1_4_…`, `chk_7_3_to_7_5_…`; `trace`). A rule with neither says why, in `because`; so
//! does one that is only partly checked. Out of scope are direct injection of virtual interrupts (GICv4) and the
//! memory-mapped CPU interface.

/// One rule.
pub struct Rule {
    /// Its number; those of one number are what registers hold in general.
    pub id: &'static str,
    /// How sure it is: A, the manual's registers; P, its prose; C, CONSTRAINED UNPREDICTABLE with a choice of ours;
    /// I, IMPLEMENTATION DEFINED with a choice of ours; D, what drivers count on.
    pub basis: &'static str,
    /// Register or topic in IHI 0069.
    pub about: &'static str,
    /// What is asked.
    pub says: &'static str,
    /// Tests that are not called by its number.
    pub also: &'static [&'static str],
    /// Why nothing checks it, or not all of it.
    pub because: Option<&'static str>,
}

const fn rule(id: &'static str, basis: &'static str, about: &'static str, says: &'static str) -> Rule {
    Rule { id, basis, about, says, also: &[], because: None }
}

impl Rule {
    const fn also(mut self, tests: &'static [&'static str]) -> Rule {
        self.also = tests;
        self
    }

    const fn because(mut self, why: &'static str) -> Rule {
        self.because = Some(why);
        self
    }
}

const ARE: &str = "affinity routing is fixed on, as in GIC-600 and KVM: there is no ARE bit to clear";
const ORDER: &str = "a rule about the program around the GIC, not about what a register does";

/// All rules in scope, by number.
pub const RULES: &[Rule] = &[
    rule("1.1", "AC", "ICC_CTLR_EL1.ExtRange", "INTIDs 1024 to 8191 reach only a PE that has ExtRange")
        .also(&["chk_3_3_extended_spis", "chk_4_2_extended_ppis"])
        .because(
            "our interface has ExtRange whenever the GIC has such INTIDs, so the forbidden system cannot be built",
        ),
    rule("1.2", "A", "INTIDs", "interrupts of the extended ranges have an active state and need deactivation")
        .also(&["chk_3_3_extended_spis"]),
    rule("1.3", "A", "GICD_TYPER.num_LPIs", "num_LPIs 0 means as many as IDbits says; LPIs need 14 bits of INTID"),
    rule("1.4", "A", "INTIDs", "every field of an INTID that is not implemented is RAZ/WI; gaps are allowed"),
    rule("2.1", "A", "access sizes", "priorities by byte or word; message registers also by half-word"),
    rule(
        "2.2",
        "A",
        "access sizes",
        "64-bit registers take one access or two halves; 32 bits to a LPI register extend",
    ),
    rule("2.3", "A", "GICD_IROUTER", "a write of one half leaves the other half alone"),
    rule("2.4", "I", "access sizes", "any other size, or an unaligned access, is RAZ/WI and recorded in STATUSR"),
    rule("2.5", "I", "access sizes", "64 bits to a 32-bit register are one access to it and one to its neighbour"),
    rule("2.6", "A", "GICD_CTLR.DS", "an access has a security state; with DS everyone has the single-state view")
        .also(&[
            "chk_2_7_non_secure_accesses_do_not_reach_secure_interrupts",
            "chk_3_1_2_one_state_forgets_secure_groups",
        ])
        .because("Root and Realm need FEAT_RME, which no model here has"),
    rule("2.7", "A", "GICD_NSACR", "Non-secure accesses do not reach Secure interrupts, unless NSACR grants it"),
    rule("2.8", "A", "GICD_INMIR", "a write that may not change a bit leaves it as it was"),
    rule("2.9", "A", "GICD_IROUTER", "changing a pending interrupt neither loses it nor has it taken twice"),
    rule("3.1", "A", "GICD_CTLR", "three layouts: one state, Secure and Non-secure view of two"),
    rule(
        "3.1.1",
        "A",
        "GICD_CTLR.RWP",
        "RWP covers group enables going off, ARE, DS, E1NWF, ICENABLER, and nothing else",
    )
    .because("effects are complete when the write returns, so RWP is never seen 1 but in relaxed mode"),
    rule("3.1.2", "AC", "GICD_CTLR.DS", "DS goes to 1 once, and only a reset takes it back"),
    rule("3.1.3", "AC", "GICD_CTLR.ARE", "what ARE may change to, and when").because(ARE),
    rule("3.1.4", "A", "GICD_CTLR.EnableGrp1NS", "the enable of Group 1 gates LPIs too"),
    rule("3.1.5", "P", "GICD_CTLR", "a group that goes off holds what is pending, and leaves what is active"),
    rule("3.2", "A", "GICD_TYPER, GICD_IIDR, GICD_PIDR2", "identification agrees with what is there"),
    rule("3.2.1", "A", "GICD_STATUSR", "bad accesses set bits, 1 clears them, each security state has its own")
        .also(&["chk_2_4_and_3_2_1_bad_accesses_are_razwi_and_recorded"]),
    rule("3.3", "A", "GICD arrays", "reset values, set by 1, clear by 1, and which bits there are"),
    rule("3.3.1", "AC", "GICD arrays", "the first 32 INTIDs are not in the distributor while ARE is 1"),
    rule("3.3.2", "A", "GICD_ISENABLER", "what was written to an enable reads back at once, before it has its effect"),
    rule("3.3.3", "AC", "GICD_ICFGR", "changing a pending interrupt's configuration: pending follows latch and line"),
    rule("3.3.4", "AI", "GICD_IPRIORITYR", "an active interrupt keeps the rank it was acknowledged with"),
    rule("3.3.5", "P", "GICD arrays", "every write that changes what is deliverable is looked at immediately"),
    rule("3.3.6", "AD", "GICD_ISENABLER", "all ones read back as exactly the INTIDs that are there"),
    rule("3.4", "A", "GICD_NSACR, GICR_NSACR", "what each value lets Non-secure software do"),
    rule("3.5.1", "A", "GICD_SETSPI_NSR", "messages to SPIs that are not there, or not visible, are ignored")
        .also(&["chk_3_5_messages"]),
    rule("3.5.2", "A", "GICD_SETSPI_SR", "the Secure registers are WI with one state, and to Non-secure software"),
    rule(
        "3.5.3",
        "A",
        "GICD_CLRSPI_NSR",
        "a message to a level-sensitive SPI lasts until CLRSPI; to an edge, until taken",
    )
    .also(&["chk_3_5_messages"]),
    rule("3.5.4", "A", "GITS_TRANSLATER", "message registers are at the same offset of their frames").also(&[
        "chk_3_5_messages",
        "chk_4_1_1_direct_set_and_clear",
        "chk_5_8_translater_takes_16_and_32_bits",
    ]),
    rule("4.1", "A", "GICR_TYPER, GICR_CTLR", "identification and reset values of each redistributor"),
    rule("4.1.1", "A", "GICR_SETLPIR", "LPIs set and cleared directly, only where they are enabled and implemented"),
    rule("4.1.2", "A", "GICR_INVLPIR", "invalidation by register reloads properties, and recalls what was forwarded"),
    rule("4.1.3", "AI", "GICR_SYNCR", "Busy covers invalidations of the same redistributor")
        .also(&["chk_4_1_2_invalidation_by_register"])
        .because("an invalidation is complete when its write returns, so Busy is never seen 1"),
    rule("4.1.4", "A", "GICR_CTLR.RWP", "RWP covers ICENABLER0, DPG, and EnableLPIs going off"),
    rule("4.1.5", "AC", "GICR_CTLR.EnableLPIs", "CES says that it can be cleared; while 0, messages are discarded"),
    rule("4.1.6", "A", "GICR_PENDBASER.PTZ", "pending bits are loaded from memory unless PTZ said that they are zero"),
    rule("4.1.7", "AC", "GICR_PROPBASER", "addresses of tables do not change while LPIs are enabled"),
    rule("4.1.8", "A", "GICR_PROPBASER.IDbits", "the smaller of the two numbers of ID bits applies"),
    rule("4.1.9", "AC", "GICR_TYPER.CommonLPIAff", "redistributors that share tables must be told the same address")
        .because("each redistributor uses its own copy, which is permitted"),
    rule("4.1.10", "A", "GICR_CTLR.DPG", "a PE declines 1-of-N interrupts by group, and what it had goes elsewhere"),
    rule("4.2", "A", "GICR SGI_base", "private interrupts: reset values, set by 1, clear by 1, one bank for each PE"),
    rule("4.2.1", "A", "GICR SGI_base", "with ARE 0 the frame's bits are RAZ/WI").because(ARE),
    rule("4.2.2", "A", "GICD arrays", "with ARE 0 the distributor's first INTIDs are the same bits").because(ARE),
    rule("5", "A", "GITS_CTLR, GITS_TYPER", "identification and reset values of an ITS")
        .also(&["chk_5_1_table_types", "chk_5_9_quiescent"]),
    rule("5.1", "A", "GITS_BASER.Type", "which tables there are, devices first"),
    rule("5.2", "AC", "GITS_BASER", "table and queue addresses do not change while the ITS is enabled"),
    rule("5.3", "A", "GITS_BASER.Valid", "without a device or collection table messages are dropped"),
    rule("5.4", "AP", "GITS_CBASER, GITS_CREADR", "a new queue begins at its start; it wraps; one slot stays free"),
    rule("5.5", "AC", "GITS_CWRITER", "an offset outside the queue stops it until a valid one is written"),
    rule("5.6", "AI", "GITS_CREADR.Stalled", "an error is skipped, or stalls until Retry"),
    rule(
        "5.7",
        "AI",
        "GITS_STATUSR, GITS_UMSIR",
        "messages that are not translated are dropped, and reported with a syndrome",
    ),
    rule("5.8", "AC", "GITS_TRANSLATER", "16 and 32 bits; an EventID beyond IDbits is ignored"),
    rule("5.9", "AC", "GITS_CTLR.Quiescent", "1 only when everything that was under way is complete"),
    rule("5.10", "A", "GITS_CTLR.Enabled", "tables hold after disabling what was mapped before"),
    rule("5.11", "A", "GITS_TYPER.HCC", "collections that the ITS holds itself are unmapped at reset"),
    rule("5.12", "A", "GITS_TYPER.PTA", "RDbase is a processor number, or an address")
        .also(&["chk_14_mapc", "chk_14_movall_merges"])
        .because("PTA is 0 here; the program skips an ITS whose PTA is 1"),
    rule("6.1", "A", "ICC_*", "encodings; what is read-only or write-only is UNDEFINED the other way"),
    rule("6.2", "A", "ICC_SRE_EL1", "which level has which register, and who traps it")
        .because("traps to EL2 are the PE's business: see the tests of the crate cpu"),
    rule("6.2.1", "A", "ICC_SRE_EL3", "ICC_SRE_EL3 can always be accessed at EL3")
        .because("SRE is RAO/WI at every level here, so nothing traps by it"),
    rule("6.2.2", "AC", "ICC_SRE_EL2", "what a lower SRE is while a higher one is 0")
        .because("SRE is RAO/WI at every level here, so nothing traps by it"),
    rule("6.2.3", "A", "ICC_SRE_EL3.Enable", "Enable lets lower levels at ICC_SRE")
        .because("Enable is RAO/WI here, so nothing traps by it"),
    rule("6.2.4", "A", "ICC_SGI1R_EL1", "an SGI sent at EL3 is Secure whatever SCR_EL3.NS says")
        .also(&["chk_12_5_which_sgi_may_be_generated"]),
    rule("6.2.5", "A", "ICH_HCR_EL2.En", "a virtual interface that is off signals nothing and reads 1023"),
    rule("6.2.6", "P", "ICC_IAR1_EL1", "an access that traps has no side effect")
        .because("of an acknowledge no program can tell: what it would have taken interrupts it first"),
    rule("6.2.7", "A", "ICC_AP1R_EL1", "as many active-priority registers as bits of preemption need; 0 is idle"),
    rule("6.2.8", "A", "FEAT_NV2", "redirection of ICH registers to memory")
        .because("no model here has nested virtualization"),
    rule("6.3", "A", "ICC_*, ICH_*", "fields and reset values of the CPU interface's registers"),
    rule("7.1", "P", "edge-triggered", "only a rise pends; a line that stays high does not again; edges merge"),
    rule("7.2", "A", "GICD_ISPENDR", "the software latch is apart from the line; ICPENDR clears the latch only"),
    rule("7.3", "P", "states", "activation consumes the latch and leaves line and message"),
    rule("7.4", "P", "states", "active and pending is not signalled to anyone until deactivation"),
    rule("7.5", "P", "level-sensitive", "a line that is still high is pending again after deactivation"),
    rule("7.6", "A", "GICD_ISENABLER", "a disabled interrupt is recorded, and delivered when it is enabled"),
    rule("7.7", "P", "level-sensitive", "a line that falls before the acknowledge leaves 1023"),
    rule("7.8", "A", "LPIs", "an LPI is never active, and may pend again before its end"),
    rule("8.1", "A", "GICD_IPRIORITYR", "the lower value is the higher priority; bits that are not there are 0"),
    rule("8.2", "P", "GICD_IPRIORITYR", "Non-secure software sees the lower half of priorities, shifted"),
    rule("8.3", "P", "ICC_PMR_EL1", "PMR is shifted for Non-secure software while FIQ belongs to EL3"),
    rule("8.4", "A", "ICC_RPR_EL1", "the running priority is a group priority, 0xff when idle; shifted as PMR is"),
    rule("8.5", "P", "LPI configuration", "with two states an LPI's priority is in the Non-secure half"),
    rule("8.6", "P", "signalling", "strictly above the mask, and strictly above the running group priority"),
    rule("8.7", "A", "ICC_PMR_EL1", "a write of PMR takes effect for the next instruction"),
    rule("8.8", "AP", "ICC_BPR0_EL1, ICC_BPR1_EL1", "which bits of a priority preempt, for each binary point"),
    rule("8.9", "A", "ICC_BPR0_EL1, ICC_BPR1_EL1", "a binary point has a minimum, which less stores"),
    rule("8.10", "A", "ICC_CTLR_EL1.CBPR", "Group 1 uses BPR0; BPR1 reads one more, and ignores writes"),
    rule("8.11", "A", "GICD_INMIR", "a non-maskable interrupt comes before every other of its priority")
        .because("what SCTLR_EL1.NMI and ALLINT add is checked in process only"),
    rule("8.12", "A", "ICC_AP1R0_EL1.NMI", "an active non-maskable interrupt is seen in AP1R0 and RPR")
        .because("with two security states in process only"),
    rule(
        "8.13",
        "A",
        "ICC_RPR_EL1",
        "RPR of a non-maskable interrupt is its group priority, not the byte of IPRIORITYR",
    )
    .also(&["chk_8_12_an_active_nmi_is_seen_and_ended", "chk_8_12_an_active_nmi_is_in_ap1r0_and_rpr"]),
    rule("9.1", "P", "ICC_IAR1_EL1, ICC_HPPIR1_EL1", "what IAR acknowledges, and what HPPIR does not look at"),
    rule(
        "9.2",
        "AP",
        "special INTIDs",
        "1023 when there is nothing for this register; 1020 and 1021 tell EL3 whose it is",
    ),
    rule("9.3", "P", "ICC_IAR1_EL1", "each security state acknowledges its own"),
    rule("9.4", "A", "ICC_IAR1_EL1", "what was acknowledged is not seen again by the next instruction"),
    rule(
        "9.5",
        "P",
        "ICC_IAR1_EL1",
        "activation: the group priority of then is active, the latch gone, the state active",
    ),
    rule("9.6", "P", "ICC_IAR1_EL1", "a spurious read changes nothing"),
    rule("10.1", "A", "ICC_CTLR_EL3", "each level and state has its EOImode"),
    rule("10.2", "A", "ICC_CTLR_EL1.EOImode", "EOIR drops and deactivates, or drops only"),
    rule(
        "10.3",
        "AC",
        "ICC_EOIR1_EL1",
        "special INTIDs are ignored; another INTID drops the highest and ends what it names",
    ),
    rule("10.4", "C", "ICC_EOIR1_EL1", "with nothing active an end does nothing"),
    rule("10.5", "P", "priority drop", "after a drop the next interrupt may come before deactivation"),
    rule("10.6", "P", "LPIs", "an LPI's end drops its priority; DIR of it is ignored"),
    rule("10.7", "AP", "ICC_DIR_EL1", "ignored with EOImode 0; otherwise deactivates, and leaves the priority"),
    rule(
        "10.8",
        "P",
        "deactivation",
        "a drop is the PE's own; an SPI can be deactivated by any PE, a private one by its own",
    ),
    rule("10.9", "P", "deactivation", "an interrupt is deliverable again only after deactivation"),
    rule("10.10", "P", "ICC_EOIR0_EL1", "an end in the wrong group is ignored"),
    rule("10.11", "P", "ICC_EOIR1_EL1", "an end of what is active elsewhere drops nothing there"),
    rule("11.1", "P", "signalling", "with two states: FIQ for what another state handles"),
    rule("11.2", "P", "signalling", "with one state: Group 0 is FIQ, Group 1 is IRQ"),
    rule("11.3", "P", "superpriority", "a non-maskable interrupt asserts IRQ with superpriority")
        .also(&["chk_8_11_non_maskable_interrupts_come_first"]),
    rule("11.4", "P", "ISR_EL1, WFI", "a masked interrupt shows in ISR_EL1 and wakes WFI"),
    rule("11.5", "P", "signalling", "a signal is withdrawn with its reason"),
    rule("11.6", "A", "ICC_SRE_EL1.DFB", "bypass needs SRE 0")
        .because("SRE, DFB and DIB are RAO/WI here: there is no bypass"),
    rule("12.1", "AC", "GICD_IROUTER", "an SPI goes to the PE with its affinity, or nowhere"),
    rule("12.2", "AP", "GICD_IROUTER.IRM", "1-of-N: one PE that takes part, chosen again when it no longer does"),
    rule("12.3", "A", "ICC_CTLR_EL1.PMHE", "PMR may be a hint for 1-of-N")
        .also(&["chk_8_10_common_binary_point"])
        .because("the choice of a PE does not use the hint, which is permitted"),
    rule(
        "12.4",
        "A",
        "ICC_SGI1R_EL1",
        "SGIs to a list, a range, all others; bits without a PE are ignored; not counted",
    ),
    rule("12.5", "AP", "ICC_SGI0R_EL1, ICC_ASGI1R_EL1", "the group at each target decides whether an SGI is generated"),
    rule("12.6", "A", "GICD_SGIR", "with ARE 0 an SGI is per source").because(ARE),
    rule("12.7", "P", "states", "private interrupts are the PE's own; an active SPI is delivered nowhere else"),
    rule("13.1", "P", "LPI configuration", "enable in bit 0, priority in bits 7 to 2 of a byte for each LPI"),
    rule("13.2", "P", "LPI pending table", "a bit for each LPI, after the first KiB"),
    rule("13.3", "P", "LPI configuration", "what was changed in memory holds after INV or INVALL"),
    rule("13.4", "D", "LPI configuration", "write, DSB, INV, SYNC")
        .also(&["chk_13_3_a_change_without_inv"])
        .because("what software has to do; the cases do it"),
    rule("13.5", "A", "GICR_PENDBASER", "the pending table is the redistributor's while LPIs are enabled")
        .also(&["chk_4_1_7_table_addresses_are_frozen"]),
    rule("13.6", "PD", "MOVI", "a moved LPI brings no stale configuration along and needs no INV"),
    rule("13.7", "A", "GICR_CTLR.EnableLPIs", "pending bits outlive LPIs going off and on"),
    rule("14", "AP", "ITS commands", "what each command does, and what it refuses"),
    rule(
        "14.1",
        "PI",
        "ITS tables",
        "first-level entries of two-level tables are architectural; others are the ITS's own",
    ),
    rule("14.2", "PA", "MAPD", "a device has as many events as MAPD said"),
    rule("14.3", "A", "GITS_TYPER.ID_bits", "the ITS has a maximum for that")
        .also(&["chk_14_mapd", "chk_14_2_events_beyond_the_devices"]),
    rule("14.4", "P", "MAPTI", "an LPI beyond what its redistributor has is not generated"),
    rule("14.5", "PC", "SYNC", "what a command did is visible after a SYNC of that redistributor"),
    rule("14.6", "PI", "ITS errors", "each error has a code, in which no register is involved")
        .also(&["chk_14_6_codes_and_words"]),
    rule("14.7", "A", "ITS commands", "commands are executed in order"),
    rule("16.1", "A", "GICR_WAKER", "a sleeping PE's interrupts are held; ChildrenAsleep answers"),
    rule("16.2", "D", "GICR_PWRR", "GIC-600 powers its redistributors down")
        .because("of products that do; the board of the cases has the architecture only"),
    rule("16.3", "D", "GICR_WAKER.Sleep", "GIC-500 and GIC-600 have Sleep and Quiescent")
        .because("of products that do; the board of the cases has the architecture only"),
    rule("16.4", "P", "WFI", "with nothing signalled a PE sleeps; a masked interrupt wakes it"),
    rule("16.5", "P", "GICR_WAKER", "interrupts of a PE that is down are held, and SPIs can be routed away"),
    rule("17.1", "P", "ordering", "accesses to one frame are seen in order, what one does elsewhere after a DSB")
        .because("everything is in order here; what relaxed mode brings late is checked in process"),
    rule("17.2", "A", "RWP", "after RWP the effect is there"),
    rule("17.3", "A", "ICC_*", "IAR reads and PMR writes synchronise themselves"),
    rule("17.4", "P", "SGIs", "what was written before a DSB and an SGI is seen by who takes it"),
    rule("17.5", "P", "messages", "a device's data comes before its message")
        .because("no device of the board masters the bus yet"),
    rule("17.6", "P", "ITS", "tables and commands need a DSB before CWRITER").because(ORDER),
];

/// The rule of that number.
pub fn find(id: &str) -> Option<&'static Rule> {
    RULES.iter().find(|rule| rule.id == id)
}
