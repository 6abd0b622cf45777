//! The receive side: queues of requests in order of arrival, and the credits that stand for their room.
//!
//! Posted and non-posted requests wait apart, so that a read that cannot be answered yet never holds up a write; a read waits for
//! the writes that came before it.

use silico_spec::credit::{Class, Limit, Limits, data_credits};
use silico_spec::tlp::Header;
use std::collections::VecDeque;

/// Posted requests that the card can hold.
const POSTED_DEPTH: usize = 16;
/// Posted data credits: room for a full-sized write beside a register write in each place (PCIe 4.0 table 2-46 asks for one full-sized).
const POSTED_DATA: u16 = 64 + POSTED_DEPTH as u16;

/// What is kept of a request: its header and its first two dwords.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Request {
    pub(crate) header: Header,
    pub(crate) data: [u32; 2],
    arrival: u64,
}

/// A register access: dwords of one BAR.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PostedWrite {
    pub(crate) bar: u8,
    pub(crate) offset: u32,
    pub(crate) request: Request,
}

#[derive(Clone, Debug)]
pub(crate) struct Receiver {
    posted: VecDeque<PostedWrite>,
    non_posted: VecDeque<Request>,
    non_posted_depth: usize,
    arrivals: u64,
    /// Granted to the link partner.
    pub(crate) credits: Limits,
    /// `credits` has changed since [`Receiver::take_granted`] was asked last.
    granted: bool,
}

/// Which queue's head is next.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Head {
    Posted(PostedWrite),
    NonPosted(Request),
}

/// A request came without credits for it: the link partner broke flow control.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Overflow;

impl Receiver {
    pub(crate) fn new(non_posted_depth: u8) -> Self {
        let depth = u16::from(non_posted_depth);
        let credits = Limits([Limit::initial(POSTED_DEPTH as u8, POSTED_DATA), Limit::initial(non_posted_depth, depth), Limit::INFINITE]);
        Self {
            posted: VecDeque::with_capacity(POSTED_DEPTH),
            non_posted: VecDeque::with_capacity(non_posted_depth.into()),
            non_posted_depth: non_posted_depth.into(),
            arrivals: 0,
            credits,
            granted: true,
        }
    }

    pub(crate) fn request(&mut self, header: Header, payload: &[u8]) -> Request {
        let mut data = [0; 2];
        for (dword, bytes) in data.iter_mut().zip(payload.as_chunks::<4>().0) {
            *dword = u32::from_le_bytes(*bytes);
        }
        self.arrivals += 1;
        Request { header, data, arrival: self.arrivals }
    }

    pub(crate) fn push_posted(&mut self, write: PostedWrite) -> Result<(), Overflow> {
        if self.posted.len() == POSTED_DEPTH {
            return Err(Overflow);
        }
        self.posted.push_back(write);
        Ok(())
    }

    pub(crate) fn push_non_posted(&mut self, request: Request) -> Result<(), Overflow> {
        if self.non_posted.len() == self.non_posted_depth {
            return Err(Overflow);
        }
        self.non_posted.push_back(request);
        Ok(())
    }

    /// The oldest request that may go: a non-posted one only if `answerable`, and never past an older write.
    pub(crate) fn head(&self, answerable: bool) -> Option<Head> {
        let posted = self.posted.front();
        let read = self.non_posted.front().filter(|_| answerable);
        match (posted, read) {
            (Some(write), Some(read)) if read.arrival < write.request.arrival => Some(Head::NonPosted(*read)),
            (Some(write), _) => Some(Head::Posted(*write)),
            (None, Some(read)) => Some(Head::NonPosted(*read)),
            (None, None) => None,
        }
    }

    pub(crate) fn pop(&mut self, head: &Head) {
        let header = match head {
            Head::Posted(write) => {
                self.posted.pop_front();
                write.request.header
            }
            Head::NonPosted(request) => {
                self.non_posted.pop_front();
                request.header
            }
        };
        self.release(header);
    }

    /// The link partner sees all credits anew.
    pub(crate) fn announce(&mut self) {
        self.granted = true;
    }

    /// Whether credits were granted since the last call.
    #[inline]
    pub(crate) fn take_granted(&mut self) -> bool {
        std::mem::take(&mut self.granted)
    }

    /// The room of a TLP with `header` is free again.
    pub(crate) fn release(&mut self, header: Header) {
        self.free(header.kind().class(), header.payload_bytes());
    }

    /// The room of a TLP of `class` with `bytes` of payload is free again.
    pub(crate) fn free(&mut self, class: Class, bytes: u32) {
        if class != Class::Completion {
            self.credits.of_mut(class).grant(1, data_credits(bytes));
            self.granted = true;
        }
    }

    /// The function was reset: writes that wait were meant for what it was.
    pub(crate) fn drop_posted(&mut self) {
        while let Some(write) = self.posted.pop_front() {
            self.release(write.request.header);
        }
    }
}
