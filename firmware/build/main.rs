//! Assembles the firmware into OUT_DIR.

mod asm;
mod demo;
mod gic;
mod hello;
mod loops;
mod print;

use std::{env, fs, path::Path};

fn main() {
    println!("cargo:rerun-if-changed=build");
    println!("cargo:rerun-if-changed=src/loops/layout.rs");
    let out = env::var("OUT_DIR").expect("set by cargo");
    let programs = [("demo", demo::assemble()), ("loops", loops::assemble()), ("hello", hello::assemble())];
    for (name, image) in programs {
        fs::write(Path::new(&out).join(name).with_extension("bin"), image).expect("OUT_DIR is writable");
    }
}
