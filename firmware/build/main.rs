//! Assembles the firmware into OUT_DIR.
#![allow(clippy::useless_conversion)] // dynasm! converts every register number, also those that need it not

mod asm;
mod demo;
mod gic;
mod hello;
mod levels;
mod litmus;
mod loops;
mod print;

use std::{env, fs, path::Path};

fn main() {
    println!("cargo:rerun-if-changed=build");
    println!("cargo:rerun-if-changed=src/loops/layout.rs");
    println!("cargo:rerun-if-changed=src/litmus");
    let out = env::var("OUT_DIR").expect("set by cargo");
    let programs = [
        ("demo", demo::assemble()),
        ("loops", loops::assemble()),
        ("hello", hello::assemble()),
        ("levels", levels::assemble()),
        ("litmus", litmus::assemble()),
    ];
    for (name, image) in programs {
        fs::write(Path::new(&out).join(name).with_extension("bin"), image).expect("OUT_DIR is writable");
    }
}
