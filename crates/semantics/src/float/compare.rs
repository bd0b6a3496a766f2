//! FCMP, FCMPE, FCCMP, FCCMPE.

use super::esize;
use crate::fops::{FOp2, Fn2, Meeting, Shape};
use crate::{Cond, Done, Engine};
use a64::*;

/// FCMP, FCMPE (register)
pub fn fcmp<E: Engine>(e: &mut E, i: Fcmp) -> Done {
    let (n, m) = (e.v(i.rn), e.v(i.rm));
    e.compare(compare(i.ftype, i.e), n, m);
    Ok(())
}

/// FCMP, FCMPE (zero)
pub fn fcmp_zero<E: Engine>(e: &mut E, i: FcmpZero) -> Done {
    let (n, zero) = (e.v(i.rn), e.vimm(0));
    e.compare(compare(i.ftype, i.e), n, zero);
    Ok(())
}

/// FCCMP, FCCMPE
pub fn fccmp<E: Engine>(e: &mut E, i: Fccmp) -> Done {
    let (n, m) = (e.v(i.rn), e.v(i.rm));
    let holds = e.cond(Cond(i.cond));
    e.compare_if(holds, compare(i.ftype, i.e), n, m, i.nzcv);
    Ok(())
}

const fn compare(ftype: u32, signal: u32) -> FOp2 {
    let (op, shape) = (Fn2::Compare { signal: signal == 1 }, Shape::scalar(esize(ftype)));
    FOp2 { op, shape, meeting: Meeting::Lanewise }
}
