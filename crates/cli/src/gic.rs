//! `--gic`: which GIC the board has.

use machine::{Fidelity, GicChoice, LpiCache, OnError, Product};
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
        format!(
            "`{word}` is none of fast, relaxed, strict, {models}, spis=N, espis=N, eppis=N, its=off, direct-lpis, \
             lpi-cache=full, lpi-cache=none, its-errors=skip, its-errors=stall"
        )
    };
    match word {
        "fast" => gic.fidelity = Fidelity::Fast,
        "relaxed" => gic.fidelity = Fidelity::Relaxed(RELAXED),
        "strict" => gic.fidelity = Fidelity::Strict,
        "its=off" => gic.its = false,
        "direct-lpis" => gic.direct_lpis = true,
        "lpi-cache=full" => gic.lpi_cache = LpiCache::Full,
        "lpi-cache=none" => gic.lpi_cache = LpiCache::None,
        "its-errors=skip" => gic.its_errors = OnError::Skip,
        "its-errors=stall" => gic.its_errors = OnError::Stall,
        _ => match word.split_once('=') {
            Some((key, number)) => {
                *size(&mut gic, key).ok_or_else(unknown)? =
                    number.parse().map_err(|_| format!("`{number}` in `{word}` is not a number"))?
            }
            None => gic.product = Product::ALL.into_iter().find(|p| p.name() == word).ok_or_else(unknown)?,
        },
    }
    Ok(gic)
}

fn size<'a>(gic: &'a mut GicChoice, key: &str) -> Option<&'a mut u32> {
    match key {
        "spis" => Some(&mut gic.spis),
        "espis" => Some(&mut gic.espis),
        "eppis" => Some(&mut gic.eppis),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_and_numbers() {
        let plain = GicChoice::default();
        assert_eq!(parse("fast"), Ok(plain));
        assert_eq!(parse("strict"), Ok(GicChoice { fidelity: Fidelity::Strict, ..plain }));
        let all = "relaxed,gic-600,spis=988,espis=1024,eppis=64,its=off,direct-lpis,lpi-cache=none,its-errors=stall";
        let want = GicChoice {
            fidelity: Fidelity::Relaxed(RELAXED),
            product: Product::Gic600,
            spis: 988,
            espis: 1024,
            eppis: 64,
            its: false,
            direct_lpis: true,
            lpi_cache: LpiCache::None,
            its_errors: OnError::Stall,
        };
        assert_eq!(parse(all), Ok(want));
        assert!(Product::ALL.iter().all(|p| parse(p.name()) == Ok(GicChoice { product: *p, ..plain })));
        for bad in
            ["", "fast,", "gic-400", "spis", "spis=", "spis=-1", "lines=4", "lpi-cache", "its=on", "its-errors=1"]
        {
            assert!(parse(bad).is_err(), "{bad}");
        }
    }
}
