//! The GIC against the sequential model: random operations on 1 to 4 PEs, everything observable compared. Which ones
//! comes from the state the model is in, and a failure shrinks to few.
//!
//! Also asserted after every step: a PE whose signal appears through somebody else's doing has been posted to.

mod both;
mod op;
mod reference;

use both::Both;
use op::Op;
use proptest::prelude::*;
use proptest_state_machine::{ReferenceStateMachine, StateMachineTest, prop_state_machine};
use reference::{Reference, Shape, opening};

impl ReferenceStateMachine for Reference {
    type State = Reference;
    type Transition = Op;

    fn init_state() -> BoxedStrategy<Reference> {
        let shape = (1..5usize, any::<bool>(), any::<bool>(), prop::bool::weighted(0.8));
        let shape = shape.prop_map(|(pes, two_states, extended, opened)| Shape { pes, two_states, extended, opened });
        let begin = |shape: Shape| {
            let ops = if shape.opened { opening(shape) } else { vec![] };
            ops.iter().fold(Reference::closed(shape), <Reference as ReferenceStateMachine>::apply)
        };
        shape.prop_map(begin).boxed()
    }

    fn transitions(it: &Reference) -> BoxedStrategy<Op> {
        op::next(it)
    }

    fn preconditions(it: &Reference, op: &Op) -> bool {
        op.makes_sense(it)
    }

    /// Which PE a 1-of-N interrupt goes to is IMPLEMENTATION DEFINED, and this one cannot ask the GIC. What it finds is
    /// good for choosing operations, and what the GIC does is compared with one that is told (`Both`).
    fn apply(mut it: Reference, op: &Op) -> Reference {
        Reference::apply(&mut it, *op);
        let pes = it.pes();
        it.place(|model, n| (0..pes).find(|pe| model.may_be_chosen(*pe, model.shared[n].group())));
        it
    }
}

impl StateMachineTest for Both {
    type SystemUnderTest = Both;
    type Reference = Reference;

    fn init_test(begin: &Reference) -> Both {
        Both::new(begin)
    }

    fn apply(mut both: Both, _: &Reference, op: Op) -> Both {
        both.step(op);
        both
    }
}

prop_state_machine! {
    #![proptest_config(ProptestConfig { cases: 3000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_gic_does_what_the_model_does(sequential 1..120 => Both);
}
