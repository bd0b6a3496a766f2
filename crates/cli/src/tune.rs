//! `--tune KEY=N,...`: limits of the compiler, which tests make small.

use machine::Tuning;
use std::num::ParseIntError;

const KEYS: &str = "hot=N, block=N, code=BYTES, misses=N, polls=N, plant=WORD:WORD, avx512=0|1, count=0|1";

/// Reads the list.
pub fn parse(text: &str) -> Result<Tuning, String> {
    let mut tuning = Tuning::default();
    for item in text.split(',') {
        let (key, value) = item.split_once('=').ok_or_else(|| format!("`{item}` is none of {KEYS}"))?;
        set(&mut tuning, key, value)?.map_err(|e| format!("`{item}`: {e}"))?;
    }
    Ok(tuning)
}

/// Sets `key`: no such key, or no such number.
fn set(tuning: &mut Tuning, key: &str, value: &str) -> Result<Result<(), ParseIntError>, String> {
    let word = |hex: &str| u32::from_str_radix(hex.trim_start_matches("0x"), 16);
    Ok(match key {
        "hot" => value.parse().map(|n| tuning.hot = Some(n)),
        "block" => value.parse().map(|n| tuning.block = Some(n)),
        "code" => value.parse().map(|n| tuning.code = Some(n)),
        "misses" => value.parse().map(|n| tuning.misses = n),
        "polls" => value.parse().map(|n| tuning.polls = n),
        "avx512" => value.parse::<u8>().map(|n| tuning.avx512 = Some(n != 0)),
        "count" => value.parse::<u8>().map(|n| tuning.count = Some(n != 0)),
        "plant" => {
            let (from, to) = value.split_once(':').ok_or("plant=WORD:WORD needs two instruction words, in hex")?;
            word(from).and_then(|from| word(to).map(|to| tuning.plant = Some((from, to))))
        }
        _ => return Err(format!("`{key}` is none of {KEYS}")),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists() {
        let want = Tuning { hot: Some(1), code: Some(131_072), misses: 3, ..Tuning::default() };
        assert_eq!(parse("hot=1,code=131072,misses=3"), Ok(want));
        let want = Tuning { plant: Some((0x9100_0400, 0x9100_0800)), polls: 2, ..Tuning::default() };
        assert_eq!(parse("polls=2,plant=91000400:0x91000800"), Ok(want));
        assert_eq!(parse("avx512=0"), Ok(Tuning { avx512: Some(false), ..Tuning::default() }));
        assert_eq!(parse("avx512=1"), Ok(Tuning { avx512: Some(true), ..Tuning::default() }));
        assert_eq!(parse("count=0"), Ok(Tuning { count: Some(false), ..Tuning::default() }));
        for (bad, says) in [
            ("avx512=no", "avx512=no"),
            ("", "none of hot=N"),
            ("speed=9", "speed"),
            ("hot=300", "hot=300"),
            ("block=x", "block=x"),
            ("plant=1", "two"),
        ] {
            assert!(parse(bad).is_err_and(|e| e.contains(says)), "{bad}");
        }
    }
}
