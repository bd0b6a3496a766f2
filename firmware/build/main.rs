//! Assembles the firmware into OUT_DIR.

mod asm;
mod demo;
mod gic;
mod print;

use std::{env, fs, path::Path};

fn main() {
    println!("cargo:rerun-if-changed=build");
    let out = env::var("OUT_DIR").expect("set by cargo");
    fs::write(Path::new(&out).join("demo.bin"), demo::assemble()).expect("OUT_DIR is writable");
}
