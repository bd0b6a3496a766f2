//! FCMP, FCMPE, FCCMP, FCCMPE.

use super::esize;
use crate::fops::{FOp2, Fn2, Meeting, Shape};
use crate::{Cond, Done, Engine};
use a64::*;

/// FCMP, FCMPE (register)
pub fn fcmp<E: Engine>(e: &mut E, i: Fcmp) -> Done {
    let (n, m) = (e.v(i.rn), e.v(i.rm));
    let nzcv = compare(e, i.ftype, i.e, n, m);
    e.set_nzcv(nzcv);
    Ok(())
}

/// FCMP, FCMPE (zero)
pub fn fcmp_zero<E: Engine>(e: &mut E, i: FcmpZero) -> Done {
    let (n, zero) = (e.v(i.rn), e.vimm(0));
    let nzcv = compare(e, i.ftype, i.e, n, zero);
    e.set_nzcv(nzcv);
    Ok(())
}

/// FCCMP, FCCMPE
pub fn fccmp<E: Engine>(e: &mut E, i: Fccmp) -> Done {
    let (n, m) = (e.v(i.rn), e.v(i.rm));
    let holds = e.cond(Cond(i.cond));
    // Where the condition fails nothing is compared: zero with zero raises nothing.
    let zero = e.imm(0);
    let [n, m] = [n, m].map(|v| {
        let low = e.vget(v, esize(i.ftype), 0);
        let low = e.select(holds, low, zero);
        e.vfrom(low)
    });
    let compared = compare(e, i.ftype, i.e, n, m);
    let given = e.imm(u64::from(i.nzcv) << 28);
    let nzcv = e.select(holds, compared, given);
    e.set_nzcv(nzcv);
    Ok(())
}

/// NZCV in bits [31:28].
fn compare<E: Engine>(e: &mut E, ftype: u32, signal: u32, n: E::V, m: E::V) -> E::W {
    let (op, shape) = (Fn2::Compare { signal: signal == 1 }, Shape::scalar(esize(ftype)));
    let nzcv = e.fop2(FOp2 { op, shape, meeting: Meeting::Lanewise }, n, m);
    e.vget(nzcv, 2, 0)
}
