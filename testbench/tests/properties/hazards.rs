//! One property at least for each hazard of shared rings between a card and a host, on cases that are drawn to provoke it. The table is in `README.md`.
