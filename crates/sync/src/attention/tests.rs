//! What the attention word promises, under loom (`RUSTFLAGS="--cfg loom"`) and without it.
