//! How often one address may ask. Generous: they stop floods, not people behind one router.

use std::net::IpAddr;
use std::num::NonZeroU32;
use std::time::Duration;

use axum::http::header;
use governor::clock::{Clock, DefaultClock};
use governor::{DefaultDirectRateLimiter, DefaultKeyedRateLimiter, Quota, RateLimiter};

use super::error::Problem;
use crate::domain::error::{Reason, Refusal};

/// After so many addresses the forgotten ones are dropped.
const SWEEP_AT: usize = 10_000;

/// The limits of this server.
pub(super) struct Limits {
    rooms: DefaultKeyedRateLimiter<IpAddr>,
    joins: DefaultKeyedRateLimiter<IpAddr>,
}

impl Limits {
    pub(super) fn new() -> Self {
        Self {
            rooms: RateLimiter::keyed(Quota::per_minute(at_least_one(60)).allow_burst(at_least_one(120))),
            joins: RateLimiter::keyed(Quota::per_second(at_least_one(10)).allow_burst(at_least_one(300))),
        }
    }

    /// One more room from this address.
    pub(super) fn make_room(&self, address: IpAddr) -> Result<(), Problem> {
        check(&self.rooms, address)
    }

    /// One more way in from this address: WebSocket, WHIP or WHEP.
    pub(super) fn join(&self, address: IpAddr) -> Result<(), Problem> {
        check(&self.joins, address)
    }
}

/// Messages of one socket: a person clicks, a page reports what it draws.
pub(super) fn messages() -> DefaultDirectRateLimiter {
    RateLimiter::direct(Quota::per_second(at_least_one(30)).allow_burst(at_least_one(120)))
}

fn check(limiter: &DefaultKeyedRateLimiter<IpAddr>, address: IpAddr) -> Result<(), Problem> {
    if limiter.len() > SWEEP_AT {
        limiter.retain_recent();
    }
    limiter.check_key(&address).map_err(|refused| too_many(refused.wait_time_from(DefaultClock::default().now())))
}

fn too_many(wait: Duration) -> Problem {
    let seconds = wait.as_secs() + 1;
    Problem::from(Refusal::new(Reason::TooMany, format!("too many requests; try again in {seconds} s")))
        .with(header::RETRY_AFTER, seconds.to_string())
}

fn at_least_one(count: u32) -> NonZeroU32 {
    NonZeroU32::new(count).unwrap_or(NonZeroU32::MIN)
}
