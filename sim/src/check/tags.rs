//! A tag is unique while its request is in flight (PCIe 4.0 §2.2.6.2).

use super::{Finding, rule};
use silico_spec::tlp::Header;
use silico_spec::units::{Cycle, Tag};

/// Tags that ten bits can name.
pub(crate) const TAGS: usize = 1024;

/// When each tag of the card may be used again.
#[derive(Clone, Debug)]
pub(crate) struct Tags {
    /// Since the last completion reached the card in this cycle, the tag is free; [`Cycle::NEVER`]: in flight.
    free_since: Box<[Cycle; TAGS]>,
}

impl Tags {
    pub(crate) fn new() -> Self {
        Self { free_since: Box::new([Cycle(0); TAGS]) }
    }

    /// A request whose first beat passed in cycle `first`. A broken rule leaves the tag in flight.
    pub(crate) fn take(&mut self, header: &Header, first: Cycle) -> Result<(), Finding> {
        let tag = header.tag();
        let free = &mut self.free_since[usize::from(tag.0) % TAGS];
        let since = std::mem::replace(free, Cycle::NEVER);
        match since {
            Cycle::NEVER => Err((rule::TAG, format!("a read of {} uses {tag}, whose last request is in flight", header.address()))),
            since if since > first => {
                Err((rule::TAG, format!("a read of {} uses {tag} in {first}; its last completion arrives in {since}", header.address())))
            }
            _ => Ok(()),
        }
    }

    /// The last completion of a request reaches the card at `at`.
    pub(crate) fn free(&mut self, tag: Tag, at: Cycle) {
        self.free_since[usize::from(tag.0) % TAGS] = at;
    }

    /// The link went down: nothing is in flight.
    pub(crate) fn clear(&mut self) {
        self.free_since.fill(Cycle(0));
    }
}
