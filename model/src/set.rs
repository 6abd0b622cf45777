//! A set of channels: who is awake.

/// A set of channels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Set(pub(crate) u16);

impl Set {
    pub(crate) fn all(channels: usize) -> Self {
        Self(((1_u32 << channels) - 1) as u16)
    }

    #[inline]
    pub(crate) fn is_empty(self) -> bool {
        self.0 == 0
    }

    pub(crate) fn insert(&mut self, channel: usize) {
        self.0 |= 1 << channel;
    }

    pub(crate) fn contains(self, channel: usize) -> bool {
        self.0 >> channel & 1 != 0
    }

    pub(crate) fn remove(&mut self, channel: usize) {
        self.0 &= !(1 << channel);
    }

    /// Those from `first` on, then those before it; behind the last of 16 comes the first.
    #[inline]
    pub(crate) fn from(self, first: usize) -> impl Iterator<Item = usize> {
        // Turned so that `first` is bit 0.
        Self(self.0.rotate_right(first as u32)).map(move |distance| (first + distance) % 16)
    }
}

impl Iterator for Set {
    type Item = usize;

    #[inline]
    fn next(&mut self) -> Option<usize> {
        if self.0 == 0 {
            return None;
        }
        let channel = self.0.trailing_zeros() as usize;
        self.0 &= self.0 - 1;
        Some(channel)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_channel_comes_and_goes_by_itself() {
        for channel in 0..16 {
            let mut set = Set(0);
            set.insert(channel);
            assert_eq!(set.collect::<Vec<_>>(), [channel]);
            let mut others = Set::all(16);
            others.remove(channel);
            assert!((0..16).all(|other| others.contains(other) == (other != channel)), "{channel}: {others:?}");
        }
    }
}
