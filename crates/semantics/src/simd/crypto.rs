//! AES, SHA-1, SHA-256 and SHA-512.

use super::{Part, pure1, pure2};
use crate::vops::{VOp1, VOp2, VOp3};
use crate::{Done, Engine};
use a64::*;

/// AESE, AESD: the round key is added first.
#[inline(always)]
fn round<E: Engine>(e: &mut E, op: VOp1, rn: u32, rd: u32) -> Done {
    let (d, n) = (e.v(rd), e.v(rn));
    let state = e.vop2(VOp2::Xor, d, n);
    let result = e.vop1(op, state);
    e.set_v(rd, result);
    Ok(())
}

/// AESE
pub fn aese<E: Engine>(e: &mut E, i: Aese) -> Done {
    round(e, VOp1::AesSub, i.rn, i.rd)
}

/// AESD
pub fn aesd<E: Engine>(e: &mut E, i: Aesd) -> Done {
    round(e, VOp1::AesInvSub, i.rn, i.rd)
}

/// AESMC
pub fn aesmc<E: Engine>(e: &mut E, i: Aesmc) -> Done {
    pure1(e, Part::Whole, VOp1::AesMix, i.rn, i.rd)
}

/// AESIMC
pub fn aesimc<E: Engine>(e: &mut E, i: Aesimc) -> Done {
    pure1(e, Part::Whole, VOp1::AesInvMix, i.rn, i.rd)
}

/// SHA1H
pub fn sha1h<E: Engine>(e: &mut E, i: Sha1h) -> Done {
    pure1(e, Part::Whole, VOp1::Sha1h, i.rn, i.rd)
}

/// SHA1SU1
pub fn sha1su1<E: Engine>(e: &mut E, i: Sha1su1) -> Done {
    pure2(e, Part::Whole, VOp2::Sha1su1, i.rd, i.rn, i.rd)
}

/// SHA256SU0
pub fn sha256su0<E: Engine>(e: &mut E, i: Sha256su0) -> Done {
    pure2(e, Part::Whole, VOp2::Sha256su0, i.rd, i.rn, i.rd)
}

/// SHA512SU0
pub fn sha512su0<E: Engine>(e: &mut E, i: Sha512su0) -> Done {
    pure2(e, Part::Whole, VOp2::Sha512su0, i.rd, i.rn, i.rd)
}

/// Rows whose meaning is one micro-op of Vd, Vn and Vm.
macro_rules! three {
    ($($function:ident $row:ident;)*) => {$(
        #[doc = stringify!($row)]
        pub fn $function<E: Engine>(e: &mut E, i: $row) -> Done {
            let (d, n, m) = (e.v(i.rd), e.v(i.rn), e.v(i.rm));
            let result = e.vop3(VOp3::$row, d, n, m);
            e.set_v(i.rd, result);
            Ok(())
        }
    )*};
}
three! {
    sha1c Sha1c;
    sha1p Sha1p;
    sha1m Sha1m;
    sha1su0 Sha1su0;
    sha256h Sha256h;
    sha256h2 Sha256h2;
    sha256su1 Sha256su1;
    sha512h Sha512h;
    sha512h2 Sha512h2;
    sha512su1 Sha512su1;
}
