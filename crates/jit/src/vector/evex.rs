//! AVX-512 on registers of 128 and 256 bits: what dynasm does not encode.
//!
//! One choice, `Emitter::avx512`, for all of its parts that are used here: hosts since Ice Lake and Zen 4 have all of
//! them. No masks: a comparison into one and back takes longer than a comparison and an inversion.

use crate::constants::*;
use crate::emit::{Emitter, asm};
use dynasmrt::{DynasmApi, dynasm};
use std::arch::is_x86_feature_detected as has;

/// Does this host have the parts of AVX-512 that compiled code may use?
pub(crate) fn is_supported() -> bool {
    let base = has!("avx512f") && has!("avx512vl") && has!("avx512bw") && has!("avx512dq") && has!("avx512cd");
    base && has!("avx512bitalg") && has!("avx512vnni") && has!("gfni")
}

/// Declares the instructions: (extension,) opcode, map, and W with prefix, as the bytes of a number; what they are called, and how
/// their operands stand.
macro_rules! instructions {
    ($($name:ident = $code:literal $text:literal $form:ident;)*) => {
        #[derive(Clone, Copy, PartialEq, Eq, Debug)]
        #[repr(u32)]
        pub(crate) enum Evex { $($name = $code),* }
        #[cfg(test)]
        const ALL: &[(Evex, &str, Form)] = &[$((Evex::$name, $text, Form::$form)),*];
    };
}

/// Which operands an instruction has, in the order that people write.
#[cfg(test)]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Form {
    /// The register, V, R/M; and a number.
    Three,
    ThreeNumber,
    /// The register, R/M.
    Two,
    /// R/M, the register.
    Narrow,
    /// V, R/M, and a number: the register is part of the opcode.
    Shift,
    /// A general register of 32 or 64 bits, R/M.
    General,
    General64,
}

instructions! {
    // The first operand is also the last to be read.
    Ternlogq = 0x25_03_81 "vpternlogq" ThreeNumber;
    Affine = 0xce_03_81 "vgf2p8affineqb" ThreeNumber;
    Dpbusd = 0x50_02_01 "vpdpbusd" Three;
    Prord = 0x72_01_01 "vprord" Shift;
    Prorq = 0x72_01_81 "vprorq" Shift;
    Psraq = 0x04_72_01_81 "vpsraq" Shift;
    Psllvw = 0x12_02_81 "vpsllvw" Three;
    Psrlvw = 0x10_02_81 "vpsrlvw" Three;
    Psravw = 0x11_02_81 "vpsravw" Three;
    Psravq = 0x46_02_81 "vpsravq" Three;
    Pminuq = 0x3b_02_81 "vpminuq" Three;
    Pmaxsq = 0x3d_02_81 "vpmaxsq" Three;
    Pmullq = 0x40_02_81 "vpmullq" Three;
    Pabsq = 0x1f_02_81 "vpabsq" Two;
    Popcntb = 0x54_02_01 "vpopcntb" Two;
    Lzcntd = 0x44_02_01 "vplzcntd" Two;
    Pmovwb = 0x30_02_02 "vpmovwb" Narrow;
    Pmovdw = 0x33_02_02 "vpmovdw" Narrow;
    Pmovsqd = 0x25_02_02 "vpmovsqd" Narrow;
    Pmovusqd = 0x15_02_02 "vpmovusqd" Narrow;
    Cvtqq2pd = 0xe6_01_82 "vcvtqq2pd" Two;
    Cvtuqq2pd = 0x7a_01_82 "vcvtuqq2pd" Two;
    Cvtqq2ps = 0x5b_01_80 "vcvtqq2ps" Two;
    Cvtuqq2ps = 0x7a_01_83 "vcvtuqq2ps" Two;
    Cvtudq2ps = 0x7a_01_03 "vcvtudq2ps" Two;
    Cvttpd2qq = 0x7a_01_81 "vcvttpd2qq" Two;
    Cvttpd2uqq = 0x78_01_81 "vcvttpd2uqq" Two;
    Cvttps2udq = 0x78_01_00 "vcvttps2udq" Two;
    Cvttss2usi = 0x78_01_02 "vcvttss2usi" General;
    Cvttss2usi64 = 0x78_01_82 "vcvttss2usi" General64;
    Cvttsd2usi = 0x78_01_03 "vcvttsd2usi" General;
    Cvttsd2usi64 = 0x78_01_83 "vcvttsd2usi" General64;
}

/// Functions for VPTERNLOG, one bit of the result for each three bits: of the operands a, b, c.
pub(crate) mod ternary {
    const A: u8 = 0xf0;
    const B: u8 = 0xcc;
    const C: u8 = 0xaa;
    /// b where a, else c.
    pub const CHOOSE: u8 = A & B | !A & C;
    /// b where c, else a.
    pub const CHOOSE_LAST: u8 = C & B | !C & A;
    pub const NOT_C: u8 = !C;
    /// b, or not a.
    pub const OR_NOT: u8 = B | !A;
}

/// The operand that may be in memory.
#[derive(Clone, Copy, Debug)]
enum Rm {
    Register(u8),
    /// So far from rbx.
    Constant(i32),
}

/// The bytes of an instruction, without a number at its end; how many.
fn encode(op: Evex, wide: bool, reg: u8, v: u8, rm: Rm) -> ([u8; 10], usize) {
    let [prefix, map, opcode] = parts(op);
    // All extensions are inverted; registers end at 15.
    let clear = |r: u8, bit: u8| if r < 8 { 1 << bit } else { 0 };
    let base = if let Rm::Register(r) = rm { r } else { 3 };
    let mut bytes = [
        0x62,
        clear(reg, 7) | 1 << 6 | clear(base, 5) | 1 << 4 | map,
        prefix & 0x80 | (!v & 15) << 3 | 1 << 2 | prefix & 3,
        u8::from(wide) << 5 | 1 << 3,
        opcode,
        (reg & 7) << 3 | base & 7,
        0,
        0,
        0,
        0,
    ];
    let length = match rm {
        Rm::Register(_) => {
            bytes[5] |= 0xc0;
            6
        }
        // A short displacement counts in operands.
        Rm::Constant(at) if at % 16 == 0 && i8::try_from(at / 16).is_ok() && !wide => {
            bytes[5] |= 0x40;
            bytes[6] = (at / 16) as u8;
            7
        }
        Rm::Constant(at) => {
            bytes[5] |= 0x80;
            bytes[6..].copy_from_slice(&at.to_le_bytes());
            10
        }
    };
    (bytes, length)
}

/// What stands in the place of a register where it is part of the opcode.
fn extension(op: Evex) -> u8 {
    (op as u32 >> 24) as u8
}

/// W and prefix, map, opcode.
fn parts(op: Evex) -> [u8; 3] {
    let [prefix, map, opcode, _] = (op as u32).to_le_bytes();
    [prefix, map, opcode]
}

impl Emitter {
    fn evex_rm(&mut self, op: Evex, wide: bool, reg: u8, v: u8, rm: Rm) {
        let (bytes, length) = encode(op, wide, reg, v, rm);
        bytes[..length].iter().for_each(|byte| self.buf.push(*byte));
    }

    /// `op to, a, b`.
    pub(crate) fn evex(&mut self, op: Evex, to: u8, a: u8, b: u8) {
        self.evex_rm(op, false, to, a, Rm::Register(b));
    }

    /// The same, of 256 bits.
    pub(crate) fn evex_wide(&mut self, op: Evex, to: u8, a: u8, b: u8) {
        self.evex_rm(op, true, to, a, Rm::Register(b));
    }

    /// `op to, a`.
    pub(crate) fn evex_of(&mut self, op: Evex, to: u8, a: u8) {
        self.evex_rm(op, false, to, 0, Rm::Register(a));
    }

    /// `op to, a, [rbx + constant]`.
    pub(crate) fn evex_constant(&mut self, op: Evex, to: u8, a: u8, constant: i32) {
        self.evex_rm(op, false, to, a, Rm::Constant(constant));
    }

    /// `op to, a, n`: rotations and shifts.
    pub(crate) fn evex_shift(&mut self, op: Evex, to: u8, a: u8, n: u8) {
        self.evex_rm(op, false, extension(op), to, Rm::Register(a));
        self.buf.push(n);
    }

    /// `to` is a function of `to`, `b` and `c`.
    pub(crate) fn ternary(&mut self, function: u8, to: u8, b: u8, c: u8) {
        self.evex(Evex::Ternlogq, to, b, c);
        self.buf.push(function);
    }

    /// The bits of each byte in the other order.
    pub(super) fn reverse_bits(&mut self, to: u8, a: u8) {
        self.evex_constant(Evex::Affine, to, a, BITS_REVERSED);
        self.buf.push(0);
    }

    /// `to` is `from`, twice as wide lanes, cut. Nothing is left above 128 bits: whoever uses SSE would wait for it.
    pub(super) fn narrow_wide(&mut self, op: Evex, to: u8, from: u8) {
        self.evex_wide(op, from, 0, to);
        asm!(self ; vzeroupper);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Random;
    use capstone::Capstone;
    use capstone::arch::{BuildsCapstone, BuildsCapstoneSyntax, x86};

    fn text(capstone: &Capstone, bytes: &[u8]) -> String {
        let insns = capstone.disasm_count(bytes, 0, 1).unwrap();
        let insn = insns.first().unwrap_or_else(|| panic!("{bytes:02x?} is no instruction"));
        assert_eq!(insn.bytes(), bytes);
        format!("{} {}", insn.mnemonic().unwrap(), insn.op_str().unwrap())
    }

    #[test]
    fn instructions_are_what_they_are_called() {
        let capstone =
            Capstone::new().x86().mode(x86::ArchMode::Mode64).syntax(x86::ArchSyntax::Intel).build().unwrap();
        let mut random = Random(1);
        for &(op, name, form) in ALL {
            for _ in 0..200 {
                let [reg, v, r] = [(); 3].map(|()| random.below(16) as u8);
                let wide = random.below(2) == 0 && !matches!(form, Form::General | Form::General64);
                let at = [16 * (random.below(256) as i32 - 128), random.next() as i32 >> 8][random.below(2) as usize];
                let in_memory = random.below(2) == 0 && !wide && matches!(form, Form::Three | Form::ThreeNumber);
                let rm = if in_memory { Rm::Constant(at) } else { Rm::Register(r) };
                let number = 16 + random.below(32) as u8;
                let size = if wide { "ymm" } else { "xmm" };
                let rm_text = match rm {
                    Rm::Register(r) => format!("{size}{r}"),
                    Rm::Constant(0) => "xmmword ptr [rbx]".to_owned(),
                    Rm::Constant(at) => {
                        let (sign, size) = (if at < 0 { '-' } else { '+' }, at.unsigned_abs());
                        let size = if size < 10 { size.to_string() } else { format!("{size:#x}") };
                        format!("xmmword ptr [rbx {sign} {size}]")
                    }
                };
                let (reg, v) = match form {
                    Form::Three | Form::ThreeNumber => (reg, v),
                    Form::Shift => (extension(op), v),
                    _ => (reg, 0),
                };
                let (bytes, length) = encode(op, wide, reg, v, rm);
                let mut bytes = bytes[..length].to_vec();
                if matches!(form, Form::ThreeNumber | Form::Shift) {
                    bytes.push(number);
                }
                let want = match form {
                    Form::Three => format!("{name} {size}{reg}, {size}{v}, {rm_text}"),
                    Form::ThreeNumber => format!("{name} {size}{reg}, {size}{v}, {rm_text}, {number:#x}"),
                    Form::Two if wide && matches!(op, Evex::Cvtqq2ps | Evex::Cvtuqq2ps) => {
                        format!("{name} xmm{reg}, {rm_text}")
                    }
                    Form::Two => format!("{name} {size}{reg}, {rm_text}"),
                    Form::Narrow => format!("{name} xmm{r}, {size}{reg}"),
                    Form::Shift => format!("{name} {size}{v}, {rm_text}, {number:#x}"),
                    Form::General | Form::General64 => {
                        const NAMES: [&str; 8] = ["ax", "cx", "dx", "bx", "sp", "bp", "si", "di"];
                        let to = match (NAMES.get(reg as usize), form) {
                            (Some(name), Form::General) => format!("e{name}"),
                            (None, Form::General) => format!("r{reg}d"),
                            (Some(name), _) => format!("r{name}"),
                            (None, _) => format!("r{reg}"),
                        };
                        format!("{name} {to}, {rm_text}")
                    }
                };
                assert_eq!(text(&capstone, &bytes), want, "{op:?}");
            }
        }
    }

    #[test]
    fn functions_of_three_bits() {
        for i in 0..8 {
            let [a, b, c] = [2, 1, 0].map(|bit| i >> bit & 1 != 0);
            let value = |function: u8| function >> i & 1 != 0;
            assert_eq!(value(ternary::CHOOSE), if a { b } else { c });
            assert_eq!(value(ternary::CHOOSE_LAST), if c { b } else { a });
            assert_eq!(value(ternary::NOT_C), !c);
            assert_eq!(value(ternary::OR_NOT), b || !a);
        }
    }
}
