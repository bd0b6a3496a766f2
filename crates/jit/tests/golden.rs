//! Host code of a dozen blocks, as it was when someone last looked at it.
//!
//! A file of `golden/` is a heading, instruction words, `---`, and the listing that they become.
#![cfg(all(target_arch = "x86_64", target_os = "linux"))]

use cpu::Model;
use std::path::Path;

/// Where the blocks are.
const PC: u64 = 0xffff_8000_0801_0000;

/// The listing for a file's words.
fn listing(name: &str, input: &str) -> String {
    let lines = input.lines().map(|line| line.split('#').next().unwrap_or_default().trim());
    let word = |text: &str| u32::from_str_radix(text, 16).unwrap_or_else(|e| panic!("{name}: `{text}`: {e}"));
    let words: Vec<u32> = lines.filter(|text| !text.is_empty()).map(word).collect();
    // What the host has does not matter: only `avx512-...` is with AVX-512.
    let avx512 = name.starts_with("avx512-");
    let options = armagic_jit::Options { avx512, ..armagic_jit::Options::default() };
    let model = Model::by_name("neoverse-n1").expect("the default model");
    armagic_jit::table(&armagic_jit::list(model, PC, &words, &options).expect("memory for a few blocks"))
}

#[test]
fn host_code_is_what_it_was() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    let mut different = Vec::new();
    let mut count = 0;
    for file in std::fs::read_dir(&folder).expect("the folder is there") {
        let path = file.expect("it can be listed").path();
        let name = path.file_name().expect("files have names").to_string_lossy().into_owned();
        let text = std::fs::read_to_string(&path).expect("it can be read");
        let (input, was) = text.split_once("---\n").unwrap_or_else(|| panic!("{name} has no line `---`"));
        let now = listing(&name, input);
        count += 1;
        if now == was {
            continue;
        }
        match std::env::var_os("BLESS") {
            Some(_) => std::fs::write(&path, format!("{input}---\n{now}")).expect("it can be written"),
            None => different.push(format!("{name}: was\n{was}\nis now\n{now}")),
        }
    }
    assert!(count >= 12, "only {count} blocks");
    assert!(
        different.is_empty(),
        "{}\nIf the new code is meant, look at it and run\n  BLESS=1 cargo test -p armagic-jit --test golden\n",
        different.join("\n")
    );
}
