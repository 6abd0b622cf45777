//! The card never uses more credits than it was granted, nor grants more than 127 headers or 2047 units of data (PCIe 4.0 §2.6.1.2).

use super::{Finding, rule};
use crate::link::credits::Grants;
use silico_spec::credit::{Class, Consumed, Limits, data_credits};
use silico_spec::tlp::Header;
use silico_spec::units::Cycle;

#[inline]
pub(crate) fn judge(header: &Header, class: Class, payload: usize, first: Cycle, grants: &mut Grants) -> Result<(), Finding> {
    let data = data_credits(payload as u32);
    if grants.take(class, data, first) {
        return Ok(());
    }
    let kind = header.kind();
    Err((
        rule::CREDITS,
        format!("{kind:?} needs a header and {data} data credits of class {class:?}, which the card had not seen by {first}"),
    ))
}

/// Most header and data credits that may be outstanding (PCIe 4.0 §2.6.1.2).
const MOST_HEADERS: u8 = 127;
const MOST_DATA: u16 = 2047;
/// Values of a data counter.
const DATA_COUNTS: u16 = 1 << 12;

/// What the card grants now, of which the root port has used `consumed`. A limit that goes backwards looks like one far ahead.
pub(crate) fn judge_grant(limits: &Limits, consumed: &[Consumed; 3]) -> Result<(), Finding> {
    for (class, consumed) in Class::ALL.into_iter().zip(consumed) {
        let limit = limits.of(class);
        let headers = limit.headers().map_or(0, |granted| granted.wrapping_sub(consumed.headers));
        let data = limit.data().map_or(0, |granted| granted.wrapping_sub(consumed.data) % DATA_COUNTS);
        if headers > MOST_HEADERS || data > MOST_DATA {
            let what = format!("the card grants {headers} header and {data} data credits of class {class:?}");
            return Err((
                rule::CREDITS,
                format!("{what} at once, or takes some back; at most {MOST_HEADERS} and {MOST_DATA} may be unused"),
            ));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use silico_spec::credit::Limit;

    #[test]
    fn grants_are_bounded_and_do_not_shrink() {
        let judge = |limit: Limit, headers, data| {
            let mut limits = Limits::INFINITE;
            *limits.of_mut(Class::NonPosted) = limit;
            judge_grant(&limits, &[Consumed { headers, data }; 3])
        };
        assert_eq!(judge(Limit::INFINITE, 3, 3), Ok(()));
        assert_eq!(judge(Limit::initial(127, 2047), 0, 0), Ok(()));
        assert_eq!(judge(Limit::initial(4, 9), 250, 4090), Ok(()), "counters wrap");
        for (limit, headers, data) in [(Limit::initial(128, 1), 0, 0), (Limit::initial(1, 2048), 0, 0), (Limit::initial(5, 20), 6, 16)] {
            let (rule, what) = judge(limit, headers, data).unwrap_err();
            assert!(rule == rule::CREDITS && what.contains("NonPosted"), "{what}");
        }
    }
}
