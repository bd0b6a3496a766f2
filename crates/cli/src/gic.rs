//! `--gic`: which GIC the board has.

use machine::{Fidelity, GicChoice, Product};
use std::time::Duration;

/// How late RWP and the like follow with `relaxed`.
const RELAXED: Duration = Duration::from_micros(2);

/// `WORD,...`: a later word wins over an earlier one of its kind.
pub fn parse(text: &str) -> Result<GicChoice, String> {
    text.split(',').try_fold(GicChoice::default(), word)
}

fn word(mut gic: GicChoice, word: &str) -> Result<GicChoice, String> {
    let unknown = || {
        let models = Product::ALL.map(Product::name).join(", ");
        format!("`{word}` is none of fast, relaxed, strict, {models}, spis=N, espis=N, eppis=N, direct-lpis")
    };
    if let Some((key, number)) = word.split_once('=') {
        let field = match key {
            "spis" => &mut gic.spis,
            "espis" => &mut gic.espis,
            "eppis" => &mut gic.eppis,
            _ => return Err(unknown()),
        };
        *field = number.parse().map_err(|_| format!("`{number}` in `{word}` is not a number"))?;
        return Ok(gic);
    }
    match word {
        "fast" => gic.fidelity = Fidelity::Fast,
        "relaxed" => gic.fidelity = Fidelity::Relaxed(RELAXED),
        "strict" => gic.fidelity = Fidelity::Strict,
        "direct-lpis" => gic.direct_lpis = true,
        model => gic.product = Product::ALL.into_iter().find(|p| p.name() == model).ok_or_else(unknown)?,
    }
    Ok(gic)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_and_numbers() {
        let plain = GicChoice::default();
        assert_eq!(parse("fast"), Ok(plain));
        assert_eq!(parse("strict"), Ok(GicChoice { fidelity: Fidelity::Strict, ..plain }));
        let all = "relaxed,gic-600,spis=988,espis=1024,eppis=64,direct-lpis";
        let want = GicChoice {
            fidelity: Fidelity::Relaxed(RELAXED),
            product: Product::Gic600,
            spis: 988,
            espis: 1024,
            eppis: 64,
            direct_lpis: true,
        };
        assert_eq!(parse(all), Ok(want));
        assert!(Product::ALL.iter().all(|p| parse(p.name()) == Ok(GicChoice { product: *p, ..plain })));
        for bad in ["", "fast,", "gic-400", "spis", "spis=", "spis=-1", "lines=4"] {
            assert!(parse(bad).is_err(), "{bad}");
        }
    }
}
