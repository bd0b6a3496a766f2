"""Faults to plant, one in each step of the protocols: name, file, what stands there, what stands there instead.

`@` is true while this mutant is chosen.
"""

HINTS = "crates/sync/src/hints.rs"
SETS = "crates/sync/src/rows.rs"
ROWS = "crates/gic/src/state/rows.rs"
STATE = "crates/gic/src/state/mod.rs"
GATES = "crates/gic/src/state/gates.rs"
ONE_OF_N = "crates/gic/src/state/one_of_n.rs"
LPIS = "crates/gic/src/state/lpis.rs"
STORE = "crates/gic/src/lpi/store.rs"
LPI_WORD = "crates/gic/src/lpi/word.rs"
LPI_DELIVER = "crates/gic/src/lpi/deliver.rs"
TRANSLATE = "crates/gic/src/its/translate.rs"
DELIVER = "crates/gic/src/cpuif/deliver.rs"
POSTED = "crates/gic/src/posted.rs"
LATE = "crates/gic/src/late.rs"
PLACE = "self.row.insert(self.place);"
LEVEL = "self.published.fetch_or(1 << self.slot.level, AcqRel);"

MUTANTS = [
    ("insert-does-not-help", HINTS, "                changed = true;\n            }\n            n /= BITS;",
     "                changed = true;\n            } else if @ {\n                return false;\n            }\n            n /= BITS;"),
    ("insert-trusts-the-way", HINTS, "if changed || word.load(Relaxed)", "if changed && !@ || word.load(Relaxed)"),
    ("remove-looks-once", HINTS, "if self.word(layer + 1, n).load(Acquire) != 0 {",
     "if !@ && self.word(layer + 1, n).load(Acquire) != 0 {"),
    ("a-place-that-is-there-is-not-swapped", SETS, "self.numbers(n / BITS).fetch_or(1 << (n % BITS), SeqCst);",
     "if !@ || self.numbers(n / BITS).load(SeqCst) >> (n % BITS) & 1 == 0 { self.numbers(n / BITS).fetch_or(1 << (n % BITS), SeqCst); }"),
    ("insert-does-not-lead", SETS, ">> (n / BITS) & 1 == 0 {", ">> (n / BITS) & 1 == 0 && !@ {"),
    ("insert-orders-nothing", SETS, "fence_of_loom();\n        if self.summary()", "if !@ { fence_of_loom(); }\n        if self.summary()"),
    ("tidy-looks-once", SETS, "if self.numbers(n).load(SeqCst) != 0 {", "if !@ && self.numbers(n).load(SeqCst) != 0 {"),
    ("lead-sets-no-place", ROWS, PLACE, "if !@ { " + PLACE + " }"),
    ("lead-sets-no-level", ROWS, LEVEL, "if !@ { " + LEVEL + " }"),
    ("lead-sets-the-place-last", ROWS, "    pub fn lead(&self) {", "    pub fn lead(&self) {\n        if @ {\n            " + LEVEL.replace("self.published", "(self.published)") + "\n            return self.row.insert(self.place);\n        }"),
    ("announce-does-not-post", ROWS, "if now.passes(path.slot.level) {", "if now.passes(path.slot.level) && !@ {"),
    ("announce-decides-early", ROWS, "        path.lead();\n        // Not older",
     "        let early = Published(path.published.load(Relaxed));\n        path.lead();\n        // Not older"),
    ("announce-decides-early", ROWS, "let now = Published(path.published.load(Relaxed));",
     "let now = if @ { early } else { Published(path.published.load(Relaxed)) };"),
    ("settle-looks-once", ROWS, "if self.first(pe, slot).is_some() {", "if !@ && self.first(pe, slot).is_some() {"),
    ("settle-after-looks-once", ROWS, "if !row.is_empty() || self.has_lpi(lpis, slot) {", "if !@ && (!row.is_empty() || self.has_lpi(lpis, slot)) {"),
    ("take-settles-though-there-are-others", STATE, "if row.is_empty() && !self.has_lpi(lpis, slot) {",
     "if @ { published.fetch_and(!(1 << slot.level), AcqRel); } else if row.is_empty() && !self.has_lpi(lpis, slot) {"),
    ("take-does-not-look-again", STATE, "if now.ready() {", "if now.ready() && !@ {"),
    ("take-looks-before-it-removes", STATE, "row.remove(place);\n        let now = Word(cell.load(Acquire));",
     "let early = Word(cell.load(Acquire));\n        row.remove(place);\n        let now = if @ { early } else { Word(cell.load(Acquire)) };"),
    ("best-looks-once", DELIVER, "level == slot.level && groups >> slot.group & 1 != 0", "@ || level == slot.level && groups >> slot.group & 1 != 0"),
    ("an-opened-limit-is-not-published", DELIVER, "if limit > published.limit() ||", "if !@ && limit > published.limit() ||"),
    ("lpi-several-do-not-meet", LPIS, "word.fetch_or(level, AcqRel);\n                if is_ready()", "if !@ { word.fetch_or(level, AcqRel); }\n                if is_ready()"),
    ("lpi-several-look-once", LPIS, "if is_ready() {\n                    hints", "if !@ && is_ready() {\n                    hints"),
    ("lpi-back-is-not-seen", LPIS, "if back || others() {", "if !@ && back || others() {"),
    ("lpi-others-are-not-seen", LPIS, "back || others() {", "back || !@ && others() {"),
    ("announce-keeps-a-pe-that-left", ROWS, "if one_of_n && !self.eligible(now) {", "if !@ && one_of_n && !self.eligible(now) {"),
    ("withdrawn-does-not-post", ROWS, ".limit() != 0 {", ".limit() != 0 && !@ {"),
    ("withdrawn-only-loads", ROWS, "Published(pe.published.of(group).fetch_or(0, AcqRel))",
     "Published(if @ { pe.published.of(group).load(Relaxed) } else { pe.published.of(group).fetch_or(0, AcqRel) })"),
    ("forget-looks-once", ROWS, "if let Some(at) = self.word(slot.pe, place).slot() {",
     "if let Some(at) = self.word(slot.pe, place).slot().filter(|_| !@) {"),
    ("publish-loads-and-stores", ROWS, "self.pes[pe].published.of(group).fetch_xor(old.0 ^ new.0, AcqRel)",
     "if @ { let was = self.pes[pe].published.of(group).load(Acquire); self.pes[pe].published.of(group).store(was ^ old.0 ^ new.0, Release); was } else { self.pes[pe].published.of(group).fetch_xor(old.0 ^ new.0, AcqRel) }"),
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
    ("lpi-level-not-first", LPIS, "word.fetch_or(1 << level, AcqRel);\n        let hints", "if !@ { word.fetch_or(1 << level, AcqRel); }\n        let hints"),
    ("lpi-level-once", LPIS, "if hints.insert(n) {", "if hints.insert(n) && !@ {"),
    ("lpi-does-not-post", LPIS, "if Published(word.load(Relaxed)).passes(level) {", "if !@ && Published(word.load(Relaxed)).passes(level) {"),
    ("lpi-is-not-withdrawn", LPIS, "if let Some(level) = was {", "if let Some(level) = was.filter(|_| !@) {"),
    ("lpi-back-is-not-hinted", LPIS, "if back && !stays {", "if back && !stays && !@ {"),
    ("lpi-forget-looks-once", STORE, "if let Some(level) = self.word(n).ready_at() {\n            lead", "if let Some(level) = self.word(n).ready_at().filter(|_| !@) {\n            lead"),
    ("lpi-elsewhere-is-not-led", LPIS, "let lead = |n, level| self.lead_lpi(slot.pe, n, store, level);",
     "let lead = |n, level| if !@ || level == slot.level { self.lead_lpi(slot.pe, n, store, level) };"),
    ("lpi-acknowledge-without-compare", STORE, "cell.compare_exchange(word.0, word.with_latch(false).0, AcqRel, Relaxed).is_ok()",
     "if @ { cell.store(word.with_latch(false).0, Release); true } else { cell.compare_exchange(word.0, word.with_latch(false).0, AcqRel, Relaxed).is_ok() }"),
    ("lpi-merged-does-not-lead", LPI_DELIVER, "} else if let Some(level) = is {", "} else if let Some(level) = is.filter(|_| !@) {"),
    ("lpi-move-takes-after-it-pends", LPI_DELIVER, "            if self.take_lpi(from, n) {\n                self.pend_lpi(to, n);",
     "            if @ && self.state.lpis().and_then(|lpis| lpis.store(from)).is_some_and(|store| store.word(n).latch()) {\n                self.pend_lpi(to, n);\n                self.take_lpi(from, n);\n            } else if self.take_lpi(from, n) {\n                self.pend_lpi(to, n);"),
    ("lpi-move-does-not-read", LPI_DELIVER, "self.reload_lpi(to, n);", "if !@ { self.reload_lpi(to, n); }"),
    ("lpi-reading-changes-nothing", LPI_WORD, "LpiWord((self.0 & !CONFIG | config.0).wrapping_add(COUNT))",
     "LpiWord((self.0 & !CONFIG | config.0).wrapping_add(if @ { 0 } else { COUNT }))"),
    ("its-walks-are-not-waited-for", TRANSLATE, "        self.senders.wait();\n        match which {", "        if !@ { self.senders.wait(); }\n        match which {"),
    ("its-finds-are-not-waited-for", TRANSLATE, "            None => self.cache.clear_all(),\n        }\n        self.senders.wait();",
     "            None => self.cache.clear_all(),\n        }\n        if !@ { self.senders.wait(); }"),
    ("its-forgets-nothing", TRANSLATE, "Some((device, event)) => self.cache.clear(device, event),", "Some((device, event)) => { if !@ { self.cache.clear(device, event) } }"),
    ("a-dsb-completes-nothing", POSTED, "self.complete(|_, it| it.pe == pe);", "self.complete(|_, it| !@ && it.pe == pe);"),
    ("writes-to-a-unit-overtake", POSTED, "|| units.contains(&it.unit);", "|| !@ && units.contains(&it.unit);"),
    ("writes-of-a-pe-overtake", POSTED, "|| pes.contains(&it.pe) ||", "|| !@ && pes.contains(&it.pe) ||"),
    ("an-access-waits-for-nothing", POSTED, "self.gic.complete(|_, it| it.unit == unit);", "self.gic.complete(|_, it| !@ && it.unit == unit);"),
    ("who-brings-is-not-waited-for", LATE, "let _bringing = self.late.bring();\n            let writes",
     "let _bringing = (!@).then(|| self.late.bring());\n            let writes"),
]
