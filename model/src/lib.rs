//! The reference card, clock by clock.
//!
//! [`Card`] is a PCIe endpoint with a DMA engine: config space, registers, channels in both directions, MSI-X. It is written the way its RTL is:
//! units that look at the state at the start of a clock and change it at its end, with registered outputs. Time that passes
//! uneventfully is passed in one step, and a test holds that equal to passing it clock by clock. It never sees a driver, a host or a
//! link: only the port of [`silico_spec::port`].

mod access;
mod arrive;
mod c2h;
mod card;
pub mod config;
mod fetch;
mod grant;
mod h2c;
mod host;
mod inspect;
mod intx;
mod malformed;
pub mod msix;
mod perf;
mod port;
mod read;
mod receive;
mod registers;
mod set;
mod transmit;

pub use card::Card;
