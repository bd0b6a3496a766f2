//! No register is forgotten: whatever the maps of GICD, GICR and GITS know is saved, or stands here with a reason.

use super::*;
use gic::{Affinity, Features, Frame, Gic, GicSpec, Its, ItsSpec, LpiSpec, PeSpec, Product};
use hw::PhysAddr;
use mem::Ram;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Registers that are not saved, by frame and name.
const LEFT: &[(&str, &str, &str)] = &[
    ("GICD", "TYPER", IDENTIFIES),
    ("GICD", "TYPER2", IDENTIFIES),
    ("GICD", "SETSPI_NSR", REQUEST),
    ("GICD", "CLRSPI_NSR", REQUEST),
    ("GICD", "SETSPI_SR", REQUEST),
    ("GICD", "CLRSPI_SR", REQUEST),
    ("GICD", "ICENABLER", SECOND_VIEW),
    ("GICD", "ICPENDR", SECOND_VIEW),
    ("GICD", "ICACTIVER", SECOND_VIEW),
    ("GICD", "ITARGETSR", "RES0 with affinity routing, which is fixed on"),
    ("GICD", "PIDR4-7", IDENTIFIES),
    ("GICD", "PIDR0-3", IDENTIFIES),
    ("GICD", "CIDR0-3", IDENTIFIES),
    ("GICR", "IIDR", IDENTIFIES),
    ("GICR", "TYPER", IDENTIFIES),
    ("GICR", "SETLPIR", REQUEST),
    ("GICR", "CLRLPIR", REQUEST),
    ("GICR", "INVLPIR", REQUEST),
    ("GICR", "INVALLR", REQUEST),
    ("GICR", "SYNCR", "only says that a request is under way; loading has completed all"),
    ("GICR", "FCTLR", "chooses nothing here"),
    ("GICR", "CLASSR", "chooses nothing here"),
    ("GICR", "ICENABLER", SECOND_VIEW),
    ("GICR", "ICPENDR", SECOND_VIEW),
    ("GICR", "ICACTIVER", SECOND_VIEW),
    ("GICR", "ITARGETSR", "RES0 with affinity routing, which is fixed on"),
    ("GICR", "PIDR4-7", IDENTIFIES),
    ("GICR", "PIDR0-3", IDENTIFIES),
    ("GICR", "CIDR0-3", IDENTIFIES),
    ("GITS", "IIDR", IDENTIFIES),
    ("GITS", "TYPER", IDENTIFIES),
    ("GITS", "PIDR4-7", IDENTIFIES),
    ("GITS", "PIDR0-3", IDENTIFIES),
    ("GITS", "CIDR0-3", IDENTIFIES),
];
const IDENTIFIES: &str = "identifies, and is the product's and the board's";
const REQUEST: &str = "a request, not state";
const SECOND_VIEW: &str = "another view of what the register that sets has";

/// GITS_BASERn that hold nothing: an ITS has tables of devices and of collections.
const NO_TABLE: std::ops::Range<u32> = 0x110..0x140;

/// A GIC with all that there is.
fn everything() -> Arc<Gic> {
    let features = Features {
        two_states: true,
        nmi: true,
        product: Product::Gic700,
        espis: 1024,
        eppis: 64,
        ..Features::default()
    };
    let pe = PeSpec { affinity: Affinity::default(), attention: Arc::default() };
    let lpis = Some(LpiSpec::new(Arc::new(Ram::new(PhysAddr(0), 4096).unwrap())));
    Gic::new(GicSpec { spis: 988, features, lpis, pes: vec![pe] }).unwrap()
}

fn saved(tables: &[Registers], offset: u32) -> bool {
    tables.iter().any(|it| (it.offset..it.offset + 4 * it.count).contains(&offset))
}

#[test]
fn every_register_is_saved_or_left_for_a_reason() {
    let gic = everything();
    let its = Its::new(gic.clone(), ItsSpec::default());
    // By frame and name: how many 32 bits are saved, and how many are not.
    let mut found: BTreeMap<(&str, &str), (u32, u32)> = BTreeMap::new();
    let mut see = |frame, name, saved: bool| {
        let counts = found.entry((frame, name)).or_default();
        if saved { counts.0 += 1 } else { counts.1 += 1 }
    };
    for at in (0..0x1_0000).step_by(4) {
        if let Some(name) = Gic::register_name(Frame::Distributor, at) {
            // Fields of private interrupts are the redistributors'.
            see("GICD", name, saved(DISTRIBUTOR, at));
            assert_eq!(
                gic.raw_read(Frame::Distributor, at).is_none(),
                is_left("GICD", name) == Some(REQUEST),
                "{name}"
            );
        }
        if let Some(name) = Gic::register_name(Frame::Redistributor(0), at) {
            see("GICR", name, saved(REDISTRIBUTOR, at) || POWER.contains(&at));
            let raw = gic.raw_read(Frame::Redistributor(0), at);
            assert_eq!(raw.is_none(), is_left("GICR", name) == Some(REQUEST), "{name}");
        }
        if let Some(name) = Gic::register_name(Frame::Private(0), at) {
            // Of 1024 positions in an array, those of SGIs, PPIs and EPPIs.
            let there = gic.raw_write(Frame::Private(0), at, !0) && gic.raw_read(Frame::Private(0), at) != Some(0);
            if there || is_left("GICR", name).is_some() {
                see("GICR", name, saved(REDISTRIBUTOR, 0x1_0000 + at));
            }
        }
        if let Some(name) = Its::register_name(at).filter(|_| !NO_TABLE.contains(&at)) {
            let known =
                [ITS, ITS_BESIDES].iter().flat_map(|table| table.iter()).any(|(n, _)| *n & !7 == u64::from(at & !7));
            see("GITS", name, known || u64::from(at) == GITS_CTLR);
            assert_eq!(its.raw_read(at & !7).is_none(), is_left("GITS", name) == Some(REQUEST), "{name}");
        }
    }
    for ((frame, name), (saved, not)) in &found {
        match is_left(frame, name) {
            None => assert_eq!(*not, 0, "{frame}_{name} is not saved: add it to a table here, or to those left"),
            Some(why) => assert_eq!(*saved, 0, "{frame}_{name} is saved, though it {why}"),
        }
    }
    for (frame, name, _) in LEFT {
        assert!(found.contains_key(&(*frame, *name)), "{frame}_{name} is left, and there is no such register");
    }
}

fn is_left(frame: &str, name: &str) -> Option<&'static str> {
    LEFT.iter().find(|it| (it.0, it.1) == (frame, name)).map(|it| it.2)
}
