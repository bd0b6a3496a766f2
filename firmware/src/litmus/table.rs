//! The litmus tests. `model.rs` proves every verdict that can be proved.
//!
//! Names follow Alglave, Maranget and Tautschnig, "Herding Cats": the shape, then what orders each thread.

use super::insn::Counter::*;
use super::insn::Insn::*;
use super::insn::Loc::*;
use super::insn::Look::*;
use super::insn::Reg::*;
use super::insn::Verdict::*;
use super::insn::*;

const fn test(
    name: &'static str,
    threads: &'static [&'static [Insn]],
    looks: &'static [Look],
    verdict: Verdict,
) -> Test {
    Test { name, threads, looks, verdict }
}

// What each shape looks at.
const MP: &[Look] = &[At(1, R0), At(1, R1)];
const SB: &[Look] = &[At(0, R0), At(1, R0)];
const R: &[Look] = &[At(1, R0), Last(Y)];
const S: &[Look] = &[At(1, R0), Last(X)];
const W2: &[Look] = &[Last(X), Last(Y)];
const IRIW: &[Look] = &[At(1, R0), At(1, R1), At(3, R0), At(3, R1)];
const THIRD: &[Look] = &[At(1, R0), At(2, R0), At(2, R1)];

/// All of them.
#[rustfmt::skip]
pub const TESTS: &[Test] = &[
    // Message passing.
    test("MP",               &[&[Str(X, 1), Str(Y, 1)],        &[Ldr(R0, Y), Ldr(R1, X)]],                     MP, Weak("1,0")),
    test("MP+dmbs",          &[&[Str(X, 1), Dmb, Str(Y, 1)],   &[Ldr(R0, Y), Dmb, Ldr(R1, X)]],                MP, Never("1,0")),
    test("MP+dmb.st+dmb.ld", &[&[Str(X, 1), DmbSt, Str(Y, 1)], &[Ldr(R0, Y), DmbLd, Ldr(R1, X)]],              MP, Never("1,0")),
    test("MP+dmb.st+dmb.st", &[&[Str(X, 1), DmbSt, Str(Y, 1)], &[Ldr(R0, Y), DmbSt, Ldr(R1, X)]],              MP, Weak("1,0")),
    test("MP+dmb+po",        &[&[Str(X, 1), Dmb, Str(Y, 1)],   &[Ldr(R0, Y), Ldr(R1, X)]],                     MP, Weak("1,0")),
    test("MP+po+dmb",        &[&[Str(X, 1), Str(Y, 1)],        &[Ldr(R0, Y), Dmb, Ldr(R1, X)]],                MP, Weak("1,0")),
    test("MP+dmb+addr",      &[&[Str(X, 1), Dmb, Str(Y, 1)],   &[Ldr(R0, Y), LdrAddr(R1, X, R0)]],             MP, Never("1,0")),
    test("MP+dmb+ctrl",      &[&[Str(X, 1), Dmb, Str(Y, 1)],   &[Ldr(R0, Y), Branch(R0), Ldr(R1, X)]],         MP, Weak("1,0")),
    test("MP+dmb+ctrlisb",   &[&[Str(X, 1), Dmb, Str(Y, 1)],   &[Ldr(R0, Y), Branch(R0), Isb, Ldr(R1, X)]],    MP, Never("1,0")),
    test("MP+stlr+ldar",     &[&[Str(X, 1), Stlr(Y, 1)],       &[Ldar(R0, Y), Ldr(R1, X)]],                    MP, Never("1,0")),
    test("MP+stlr+ldapr",    &[&[Str(X, 1), Stlr(Y, 1)],       &[Ldapr(R0, Y), Ldr(R1, X)]],                   MP, Never("1,0")),
    test("MP+stlr+addr",     &[&[Str(X, 1), Stlr(Y, 1)],       &[Ldr(R0, Y), LdrAddr(R1, X, R0)]],             MP, Never("1,0")),
    test("MP+stlr+po",       &[&[Str(X, 1), Stlr(Y, 1)],       &[Ldr(R0, Y), Ldr(R1, X)]],                     MP, Weak("1,0")),
    test("MP+stlr-first",    &[&[Stlr(X, 1), Str(Y, 1)],       &[Ldar(R0, Y), Ldr(R1, X)]],                    MP, Weak("1,0")),
    test("MP+swpal+ldar",    &[&[Str(X, 1), Swpal(R0, Y, 1)],  &[Ldar(R0, Y), Ldr(R1, X)]],                    MP, Never("1,0")),
    test("MP+dsb.st-sgi",    &[&[Str(X, 1), SendSgi],          &[TakeSgi(R0)]],                                &[At(1, R0)], Only("1")),
    test("MP+dsb.st-sgi+poll", &[&[Str(X, 1), SendSgi],        &[PollSgi(R0)]],                                &[At(1, R0)], Only("1")),

    // Store buffering.
    test("SB",               &[&[Str(X, 1), Ldr(R0, Y)],       &[Str(Y, 1), Ldr(R0, X)]],                      SB, Weak("0,0")),
    test("SB+dmbs",          &[&[Str(X, 1), Dmb, Ldr(R0, Y)],  &[Str(Y, 1), Dmb, Ldr(R0, X)]],                 SB, Never("0,0")),
    test("SB+dmb+po",        &[&[Str(X, 1), Dmb, Ldr(R0, Y)],  &[Str(Y, 1), Ldr(R0, X)]],                      SB, Weak("0,0")),
    test("SB+dmb.sts",       &[&[Str(X, 1), DmbSt, Ldr(R0, Y)], &[Str(Y, 1), DmbSt, Ldr(R0, X)]],              SB, Weak("0,0")),
    test("SB+dmb.lds",       &[&[Str(X, 1), DmbLd, Ldr(R0, Y)], &[Str(Y, 1), DmbLd, Ldr(R0, X)]],              SB, Weak("0,0")),
    test("SB+stlr-ldars",    &[&[Stlr(X, 1), Ldar(R0, Y)],     &[Stlr(Y, 1), Ldar(R0, X)]],                    SB, Never("0,0")),
    test("SB+stlr-ldaprs",   &[&[Stlr(X, 1), Ldapr(R0, Y)],    &[Stlr(Y, 1), Ldapr(R0, X)]],                   SB, Weak("0,0")),
    test("SB+stlr-ldrs",     &[&[Stlr(X, 1), Ldr(R0, Y)],      &[Stlr(Y, 1), Ldr(R0, X)]],                     SB, Weak("0,0")),
    test("SB+str-ldars",     &[&[Str(X, 1), Ldar(R0, Y)],      &[Str(Y, 1), Ldar(R0, X)]],                     SB, Weak("0,0")),
    test("SB+stlr-ldar+dmb", &[&[Stlr(X, 1), Ldar(R0, Y)],     &[Str(Y, 1), Dmb, Ldr(R0, X)]],                 SB, Never("0,0")),
    test("SB+stlr-ldr-ldars", &[&[Stlr(X, 1), Ldr(R1, Z), Ldar(R0, Y)], &[Stlr(Y, 1), Ldr(R1, Z), Ldar(R0, X)]], SB, Never("0,0")),
    test("SB+swpals",        &[&[Swpal(R1, X, 1), Ldr(R0, Y)], &[Swpal(R1, Y, 1), Ldr(R0, X)]],                SB, Never("0,0")),
    test("SB+swps",          &[&[Swp(R1, X, 1), Ldr(R0, Y)],   &[Swp(R1, Y, 1), Ldr(R0, X)]],                  SB, Weak("0,0")),
    test("SB+rfis",          &[&[Str(X, 1), Ldr(R1, X), Ldr(R0, Y)], &[Str(Y, 1), Ldr(R1, Y), Ldr(R0, X)]],    SB, Weak("0,0")),
    test("SB+rfi-addrs",     &[&[Str(X, 1), Ldr(R1, X), LdrAddr(R0, Y, R1)], &[Str(Y, 1), Ldr(R1, Y), LdrAddr(R0, X, R1)]], SB, Weak("0,0")),

    // Load buffering.
    test("LB",               &[&[Ldr(R0, X), Str(Y, 1)],           &[Ldr(R0, Y), Str(X, 1)]],                  SB, Weak("1,1")),
    test("LB+dmbs",          &[&[Ldr(R0, X), Dmb, Str(Y, 1)],      &[Ldr(R0, Y), Dmb, Str(X, 1)]],             SB, Never("1,1")),
    test("LB+datas",         &[&[Ldr(R0, X), StrData(Y, 1, R0)],   &[Ldr(R0, Y), StrData(X, 1, R0)]],          SB, Never("1,1")),
    test("LB+addrs",         &[&[Ldr(R0, X), StrAddr(Y, 1, R0)],   &[Ldr(R0, Y), StrAddr(X, 1, R0)]],          SB, Never("1,1")),
    test("LB+ctrls",         &[&[Ldr(R0, X), Branch(R0), Str(Y, 1)], &[Ldr(R0, Y), Branch(R0), Str(X, 1)]],    SB, Never("1,1")),
    test("LB+data+po",       &[&[Ldr(R0, X), StrData(Y, 1, R0)],   &[Ldr(R0, Y), Str(X, 1)]],                  SB, Weak("1,1")),
    test("LB+ldars",         &[&[Ldar(R0, X), Str(Y, 1)],          &[Ldar(R0, Y), Str(X, 1)]],                 SB, Never("1,1")),
    test("LB+stlrs",         &[&[Ldr(R0, X), Stlr(Y, 1)],          &[Ldr(R0, Y), Stlr(X, 1)]],                 SB, Never("1,1")),

    // Two writes each, a write and a read, a read and a write.
    test("2+2W",             &[&[Str(X, 1), Str(Y, 2)],        &[Str(Y, 1), Str(X, 2)]],                       W2, Weak("1,1")),
    test("2+2W+dmbs",        &[&[Str(X, 1), Dmb, Str(Y, 2)],   &[Str(Y, 1), Dmb, Str(X, 2)]],                  W2, Never("1,1")),
    test("2+2W+dmb.sts",     &[&[Str(X, 1), DmbSt, Str(Y, 2)], &[Str(Y, 1), DmbSt, Str(X, 2)]],                W2, Never("1,1")),
    test("2+2W+stlrs",       &[&[Str(X, 1), Stlr(Y, 2)],       &[Str(Y, 1), Stlr(X, 2)]],                      W2, Never("1,1")),
    test("R",                &[&[Str(X, 1), Str(Y, 1)],        &[Str(Y, 2), Ldr(R0, X)]],                      R, Weak("0,2")),
    test("R+dmbs",           &[&[Str(X, 1), Dmb, Str(Y, 1)],   &[Str(Y, 2), Dmb, Ldr(R0, X)]],                 R, Never("0,2")),
    test("R+dmb.st+po",      &[&[Str(X, 1), DmbSt, Str(Y, 1)], &[Str(Y, 2), Ldr(R0, X)]],                      R, Weak("0,2")),
    test("R+stlr+stlr-ldar", &[&[Str(X, 1), Stlr(Y, 1)],       &[Stlr(Y, 2), Ldar(R0, X)]],                    R, Never("0,2")),
    test("R+stlr+stlr-ldapr", &[&[Str(X, 1), Stlr(Y, 1)],      &[Stlr(Y, 2), Ldapr(R0, X)]],                   R, Weak("0,2")),
    test("S",                &[&[Str(X, 2), Str(Y, 1)],        &[Ldr(R0, Y), Str(X, 1)]],                      S, Weak("1,2")),
    test("S+dmb+po",         &[&[Str(X, 2), Dmb, Str(Y, 1)],   &[Ldr(R0, Y), Str(X, 1)]],                      S, Weak("1,2")),
    test("S+dmb+data",       &[&[Str(X, 2), Dmb, Str(Y, 1)],   &[Ldr(R0, Y), StrData(X, 1, R0)]],              S, Never("1,2")),
    test("S+dmb+addr",       &[&[Str(X, 2), Dmb, Str(Y, 1)],   &[Ldr(R0, Y), StrAddr(X, 1, R0)]],              S, Never("1,2")),
    test("S+dmb+ctrl",       &[&[Str(X, 2), Dmb, Str(Y, 1)],   &[Ldr(R0, Y), Branch(R0), Str(X, 1)]],          S, Never("1,2")),
    test("S+stlr+ldar",      &[&[Str(X, 2), Stlr(Y, 1)],       &[Ldar(R0, Y), Str(X, 1)]],                     S, Never("1,2")),

    // Coherence: one location, no ordering needed.
    test("CoRR",             &[&[Str(X, 1)],             &[Ldr(R0, X), Ldr(R1, X)]],                           MP, Never("1,0")),
    test("CoRR+writes",      &[&[Str(X, 1), Str(X, 2)],  &[Ldr(R0, X), Ldr(R1, X)]],                           MP, Never("2,1")),
    test("CoWW",             &[&[Str(X, 1), Str(X, 2)],  &[Ldr(R0, X)]],                                       &[At(1, R0), Last(X)], Never("2,1")),
    test("CoRW1",            &[&[Ldr(R0, X), Str(X, 1)], &[Ldr(R0, X)]],                                       SB, Never("1,1")),
    test("CoRW2",            &[&[Ldr(R0, X), Str(X, 1)], &[Str(X, 2)]],                                        &[At(0, R0), Last(X)], Never("2,2")),
    test("CoWR",             &[&[Str(X, 1), Ldr(R0, X)], &[Str(X, 2)]],                                        &[At(0, R0), Last(X)], Never("0,1")),
    test("CoRR2",            &[&[Str(X, 1)], &[Ldr(R0, X), Ldr(R1, X)], &[Str(X, 2)], &[Ldr(R0, X), Ldr(R1, X)]], IRIW, Never("1,2,2,1")),
    test("SWP",              &[&[Swp(R0, X, 1)],         &[Swp(R0, X, 2)]],                                    &[At(0, R0), At(1, R0), Last(X)], Never("0,0,1")),
    test("SWP+3",            &[&[Swp(R0, X, 1)],         &[Swp(R0, X, 2)], &[Swpal(R0, X, 3)]],                &[At(0, R0), At(1, R0), At(2, R0), Last(X)], Never("0,1,1,3")),

    // Three and four threads: is a write seen by all others at once?
    test("WRC",              &[&[Str(X, 1)], &[Ldr(R0, X), Str(Y, 1)],         &[Ldr(R0, Y), Ldr(R1, X)]],          THIRD, Weak("1,1,0")),
    test("WRC+addrs",        &[&[Str(X, 1)], &[Ldr(R0, X), StrAddr(Y, 1, R0)], &[Ldr(R0, Y), LdrAddr(R1, X, R0)]],  THIRD, Never("1,1,0")),
    test("WRC+data+addr",    &[&[Str(X, 1)], &[Ldr(R0, X), StrData(Y, 1, R0)], &[Ldr(R0, Y), LdrAddr(R1, X, R0)]],  THIRD, Never("1,1,0")),
    test("WRC+dmbs",         &[&[Str(X, 1)], &[Ldr(R0, X), Dmb, Str(Y, 1)],    &[Ldr(R0, Y), Dmb, Ldr(R1, X)]],     THIRD, Never("1,1,0")),
    test("WRC+stlr+ldar",    &[&[Str(X, 1)], &[Ldr(R0, X), Stlr(Y, 1)],        &[Ldar(R0, Y), Ldr(R1, X)]],         THIRD, Never("1,1,0")),
    test("WRC+po+addr",      &[&[Str(X, 1)], &[Ldr(R0, X), Str(Y, 1)],         &[Ldr(R0, Y), LdrAddr(R1, X, R0)]],  THIRD, Weak("1,1,0")),
    test("RWC",              &[&[Str(X, 1)], &[Ldr(R0, X), Ldr(R1, Y)],        &[Str(Y, 1), Ldr(R0, X)]],           &[At(1, R0), At(1, R1), At(2, R0)], Weak("1,0,0")),
    test("RWC+dmbs",         &[&[Str(X, 1)], &[Ldr(R0, X), Dmb, Ldr(R1, Y)],   &[Str(Y, 1), Dmb, Ldr(R0, X)]],      &[At(1, R0), At(1, R1), At(2, R0)], Never("1,0,0")),
    test("RWC+addr+stlr-ldar", &[&[Str(X, 1)], &[Ldr(R0, X), LdrAddr(R1, Y, R0)], &[Stlr(Y, 1), Ldar(R0, X)]],      &[At(1, R0), At(1, R1), At(2, R0)], Never("1,0,0")),
    test("ISA2",             &[&[Str(X, 1), Str(Y, 1)],      &[Ldr(R0, Y), Str(Z, 1)],         &[Ldr(R0, Z), Ldr(R1, X)]],         THIRD, Weak("1,1,0")),
    test("ISA2+dmbs",        &[&[Str(X, 1), Dmb, Str(Y, 1)], &[Ldr(R0, Y), Dmb, Str(Z, 1)],    &[Ldr(R0, Z), Dmb, Ldr(R1, X)]],    THIRD, Never("1,1,0")),
    test("ISA2+dmb+data+addr", &[&[Str(X, 1), Dmb, Str(Y, 1)], &[Ldr(R0, Y), StrData(Z, 1, R0)], &[Ldr(R0, Z), LdrAddr(R1, X, R0)]], THIRD, Never("1,1,0")),
    test("ISA2+dmb+addrs",   &[&[Str(X, 1), Dmb, Str(Y, 1)], &[Ldr(R0, Y), StrAddr(Z, 1, R0)], &[Ldr(R0, Z), LdrAddr(R1, X, R0)]], THIRD, Never("1,1,0")),
    test("ISA2+dmb+ctrl+addr", &[&[Str(X, 1), Dmb, Str(Y, 1)], &[Ldr(R0, Y), Branch(R0), Str(Z, 1)], &[Ldr(R0, Z), LdrAddr(R1, X, R0)]], THIRD, Never("1,1,0")),
    test("ISA2+stlrs+ldars", &[&[Str(X, 1), Stlr(Y, 1)],     &[Ldar(R0, Y), Stlr(Z, 1)],       &[Ldar(R0, Z), Ldr(R1, X)]],        THIRD, Never("1,1,0")),
    test("ISA2+stlrs+ldaprs", &[&[Str(X, 1), Stlr(Y, 1)],    &[Ldapr(R0, Y), Stlr(Z, 1)],      &[Ldapr(R0, Z), Ldr(R1, X)]],       THIRD, Never("1,1,0")),
    test("ISA2+dmb+po+addr", &[&[Str(X, 1), Dmb, Str(Y, 1)], &[Ldr(R0, Y), Str(Z, 1)],         &[Ldr(R0, Z), LdrAddr(R1, X, R0)]], THIRD, Weak("1,1,0")),
    test("IRIW",             &[&[Str(X, 1)],  &[Ldr(R0, X), Ldr(R1, Y)],         &[Str(Y, 1)],  &[Ldr(R0, Y), Ldr(R1, X)]],         IRIW, Weak("1,0,1,0")),
    test("IRIW+addrs",       &[&[Str(X, 1)],  &[Ldr(R0, X), LdrAddr(R1, Y, R0)], &[Str(Y, 1)],  &[Ldr(R0, Y), LdrAddr(R1, X, R0)]], IRIW, Never("1,0,1,0")),
    test("IRIW+dmbs",        &[&[Str(X, 1)],  &[Ldr(R0, X), Dmb, Ldr(R1, Y)],    &[Str(Y, 1)],  &[Ldr(R0, Y), Dmb, Ldr(R1, X)]],    IRIW, Never("1,0,1,0")),
    test("IRIW+ldars",       &[&[Str(X, 1)],  &[Ldar(R0, X), Ldr(R1, Y)],        &[Str(Y, 1)],  &[Ldar(R0, Y), Ldr(R1, X)]],        IRIW, Never("1,0,1,0")),
    test("IRIW+stlrs+ldars", &[&[Stlr(X, 1)], &[Ldar(R0, X), Ldar(R1, Y)],       &[Stlr(Y, 1)], &[Ldar(R0, Y), Ldar(R1, X)]],       IRIW, Never("1,0,1,0")),
    test("IRIW+ldaprs",      &[&[Str(X, 1)],  &[Ldapr(R0, X), Ldr(R1, Y)],       &[Str(Y, 1)],  &[Ldapr(R0, Y), Ldr(R1, X)]],       IRIW, Never("1,0,1,0")),

    // Atomicity: 16 increments by each thread, none lost.
    test("LDXR-STXR",        &[&[Count(LdxrStxr)] as _; 2],     &[Last(X)],              Only("32")),
    test("LDXR-STXR+4",      &[&[Count(LdxrStxr)] as _; 4],     &[Last(X)],              Only("64")),
    test("LDAXR-STLXR",      &[&[Count(LdaxrStlxr)] as _; 2],   &[Last(X)],              Only("32")),
    test("LDXP-STXP",        &[&[Count(LdxpStxp)] as _; 2],     &[Last(X), LastHigh(X)], Only("32,96")),
    test("LDADD",            &[&[Count(Ldadd)] as _; 2],        &[Last(X)],              Only("32")),
    test("LDADD+4",          &[&[Count(Ldadd)] as _; 4],        &[Last(X)],              Only("64")),
    test("LDADD+LDXR-STXR+CAS", &[&[Count(Ldadd)], &[Count(LdxrStxr)], &[Count(Cas)]], &[Last(X)], Only("48")),
    test("CAS",              &[&[Count(Cas)] as _; 2],          &[Last(X)],              Only("32")),
    test("CASP",             &[&[Count(Casp)] as _; 2],         &[Last(X), LastHigh(X)], Only("32,96")),
    test("CASP+LDXP-STXP",   &[&[Count(Casp)], &[Count(LdxpStxp)]], &[Last(X), LastHigh(X)], Only("32,96")),
    test("lock+LDAXR-STXR",  &[&[Count(LockExclusive)] as _; 2], &[Last(X)],             Only("32")),
    test("lock+LDAXR-STXR+4", &[&[Count(LockExclusive)] as _; 4], &[Last(X)],            Only("64")),
    test("lock+CASA",        &[&[Count(LockCas)] as _; 2],      &[Last(X)],              Only("32")),
    test("lock+SWPA",        &[&[Count(LockSwp)] as _; 2],      &[Last(X)],              Only("32")),
];
