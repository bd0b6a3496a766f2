"""Faults to plant, one in each step of the protocols: name, file, what stands there, what stands there instead.

`@` is true while this mutant is chosen.
"""

HINTS = "crates/sync/src/hints.rs"
ROWS = "crates/gic/src/state/rows.rs"
STATE = "crates/gic/src/state/mod.rs"
GATES = "crates/gic/src/state/gates.rs"
ONE_OF_N = "crates/gic/src/state/one_of_n.rs"
LPIS = "crates/gic/src/state/lpis.rs"
STORE = "crates/gic/src/lpi/store.rs"
DELIVER = "crates/gic/src/cpuif/deliver.rs"
LEVEL = "word.fetch_or(1 << slot.level, AcqRel);"

MUTANTS = [
    ("insert-does-not-help", HINTS, "                changed = true;\n            }\n            n /= BITS;",
     "                changed = true;\n            } else if @ {\n                return false;\n            }\n            n /= BITS;"),
    ("insert-trusts-the-way", HINTS, "if changed || word.load(Relaxed)", "if changed && !@ || word.load(Relaxed)"),
    ("remove-looks-once", HINTS, "if self.word(layer + 1, n).load(Acquire) != 0 {",
     "if !@ && self.word(layer + 1, n).load(Acquire) != 0 {"),
    ("lead-sets-no-level-first", ROWS, LEVEL + "\n        if pe.row(slot)",
     "if !@ { " + LEVEL + " }\n        if pe.row(slot)"),
    ("lead-sets-the-level-once", ROWS, "if pe.row(slot).insert(place) {", "if pe.row(slot).insert(place) && !@ {"),
    ("announce-does-not-post", ROWS, "if now.passes(slot.level) {", "if now.passes(slot.level) && !@ {"),
    ("announce-decides-early", ROWS, "        self.lead(place, slot);\n        let pe = &self.pes[slot.pe];\n        let word = &pe.published[slot.group];\n        // Not older",
     "        let early = Published(self.pes[slot.pe].published[slot.group].load(Relaxed));\n        self.lead(place, slot);\n        let pe = &self.pes[slot.pe];\n        let word = &pe.published[slot.group];\n        // Not older"),
    ("announce-decides-early", ROWS, "let now = Published(word.load(Relaxed));",
     "let now = if @ { early } else { Published(word.load(Relaxed)) };"),
    ("announce-keeps-a-pe-that-left", ROWS, "if one_of_n && !self.eligible(now) {", "if !@ && one_of_n && !self.eligible(now) {"),
    ("withdrawn-does-not-post", ROWS, ".limit() != 0 {", ".limit() != 0 && !@ {"),
    ("withdrawn-only-loads", ROWS, "Published(pe.published[group].fetch_or(0, AcqRel))",
     "Published(if @ { pe.published[group].load(Relaxed) } else { pe.published[group].fetch_or(0, AcqRel) })"),
    ("passed-does-not-lead", ROWS, "if let Some(elsewhere) = word.slot() {",
     "if let Some(elsewhere) = word.slot().filter(|_| !@) {"),
    ("forget-looks-once", ROWS, "if let Some(at) = self.word(slot.pe, place).slot() {",
     "if let Some(at) = self.word(slot.pe, place).slot().filter(|_| !@) {"),
    ("forget-does-not-meet", ROWS, "pe.published[slot.group].fetch_or(0, AcqRel);",
     "if !@ { pe.published[slot.group].fetch_or(0, AcqRel); }"),
    ("settle-looks-once", ROWS, "if self.holds(slot) {", "if !@ && self.holds(slot) {"),
    ("settle-after-believes-it-was-alone", ROWS, "way.is_some_and(|way| way.is_all())", "(@ || way.is_some_and(|way| way.is_all()))"),
    ("settle-after-does-not-look-at-the-word", ROWS, "&& !Word(cell.load(Acquire)).ready();",
     "&& (@ || !Word(cell.load(Acquire)).ready());"),
    ("settle-after-clears", ROWS, "if left {", "if left && !@ {"),
    ("publish-loads-and-stores", ROWS, "self.pes[pe].published[group].fetch_xor(old.0 ^ new.0, AcqRel)",
     "if @ { let was = self.pes[pe].published[group].load(Acquire); self.pes[pe].published[group].store(was ^ old.0 ^ new.0, Release); was } else { self.pes[pe].published[group].fetch_xor(old.0 ^ new.0, AcqRel) }"),
    ("publish-tells-no-1-of-n", ROWS, "!= self.eligible(Published(before.0 ^ old.0 ^ new.0)) {",
     "!= self.eligible(Published(before.0 ^ old.0 ^ new.0)) && !@ {"),
    ("observed-does-not-lead", STATE, "if let Some(slot) = word.slot() {\n            self.lead",
     "if let Some(slot) = word.slot().filter(|_| !@) {\n            self.lead"),
    ("a-merged-edge-does-not-swap", STATE, "if new == old && !new.latch()", "if new == old && (@ || !new.latch())"),
    ("acknowledge-without-compare", STATE, "if cell.compare_exchange(word.0, new.0, AcqRel, Relaxed).is_err() {",
     "if @ { cell.store(new.0, Release); } else if cell.compare_exchange(word.0, new.0, AcqRel, Relaxed).is_err() {"),
    ("moved-withdraws-nothing", STATE, "if let Some(slot) = was {", "if let Some(slot) = was.filter(|_| !@) {"),
    ("moved-forgets-who-found-nobody", STATE, "None if new.one_of_n() && new.ready() =>", "None if !@ && new.one_of_n() && new.ready() =>"),
    ("update-stores", STATE, "match cell.compare_exchange_weak(old.0, new.0, AcqRel, Acquire) {",
     "match if @ { cell.store(new.0, Release); Ok(old.0) } else { cell.compare_exchange_weak(old.0, new.0, AcqRel, Acquire) } {"),
    ("a-gate-does-not-post", GATES, "if Published(before).has(gate) != open {", "if Published(before).has(gate) != open && !@ {"),
    ("sleep-tells-no-1-of-n", GATES, "Published::AWAKE, awake));\n            self.participation_changed(pe);",
     "Published::AWAKE, awake));\n            if !@ { self.participation_changed(pe); }"),
    ("found-nobody-does-not-meet", ONE_OF_N, "self.participation.fetch_add(1, AcqRel);\n        if (0..", 
     "if !@ { self.participation.fetch_add(1, AcqRel); }\n        if (0.."),
    ("found-nobody-looks-once", ONE_OF_N, "if (0..self.pes.len()).any(", "if !@ && (0..self.pes.len()).any("),
    ("joined-does-not-meet", ONE_OF_N, "self.participation.fetch_add(1, AcqRel);\n        if self.one",
     "if !@ { self.participation.fetch_add(1, AcqRel); }\n        if self.one"),
    ("joined-takes-only-its-own", ONE_OF_N, "|| word.target() == NOBODY)", "|| !@ && word.target() == NOBODY)"),
    ("best-sees-nothing-once", DELIVER, "match self.waiting() {", "match if @ { [0; GROUPS] } else { self.waiting() } {"),
    ("best-looks-once", DELIVER, "if (again[G0] | again[G1] | again[G1S])", "if @ || (again[G0] | again[G1] | again[G1S])"),
    ("an-opened-limit-is-not-published", DELIVER, "if self.limit[group] > published.limit() ||", "if !@ && self.limit[group] > published.limit() ||"),
    ("lpi-level-not-first", LPIS, "word.fetch_or(1 << level, AcqRel);\n        let hints", "if !@ { word.fetch_or(1 << level, AcqRel); }\n        let hints"),
    ("lpi-level-once", LPIS, "if hints.insert(n) {", "if hints.insert(n) && !@ {"),
    ("lpi-does-not-post", LPIS, "if Published(word.load(Relaxed)).passes(level) {", "if !@ && Published(word.load(Relaxed)).passes(level) {"),
    ("lpi-is-not-withdrawn", LPIS, "if let Some(level) = was {", "if let Some(level) = was.filter(|_| !@) {"),
    ("lpi-back-is-not-hinted", LPIS, "if back && !stays {", "if back && !stays && !@ {"),
    ("lpi-back-is-not-seen", LPIS, "if back || others()", "if !@ && back || others()"),
    ("lpi-others-are-not-seen", LPIS, "|| others() ||", "|| !@ && others() ||"),
    ("lpi-forget-looks-once", STORE, "if self.word(n).ready_at() == Some(level) {\n            hints", "if !@ && self.word(n).ready_at() == Some(level) {\n            hints"),
    ("lpi-acknowledge-without-compare", STORE, "cell.compare_exchange(word.0, word.with_latch(false).0, AcqRel, Relaxed).is_ok()",
     "if @ { cell.store(word.with_latch(false).0, Release); true } else { cell.compare_exchange(word.0, word.with_latch(false).0, AcqRel, Relaxed).is_ok() }"),
]
