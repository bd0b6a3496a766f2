//! `armagic`: arguments and main.
fn main() {}
