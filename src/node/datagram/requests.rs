//! Hits that we asked for out of band (protocol.md section 20): what was offered to us, the token
//! with which it must come, and hosts that offer and do not deliver.

use std::net::SocketAddr;
use std::time::Duration;

use super::host_of;
use crate::node::recent::Recent;
use crate::node::{Config, Rng, Time, Why};
use crate::wire::{Guid, Token};

/// Bytes of our tokens: too many to be guessed within a search.
const TOKEN_BYTES: usize = 8;

/// Hits that one host was asked for.
#[derive(Clone, Copy, Debug)]
struct Request {
    token: Token,
    /// How many were asked for, and how many have come.
    asked: u8,
    came: u8,
}

/// How a host behaves.
#[derive(Clone, Copy, Debug, Default)]
struct Manners {
    /// Offers since `since` after which nothing came.
    empty: u8,
    since: Time,
    ignored_until: Time,
}

/// All that was asked for, by query and host. At the limit the oldest goes.
#[derive(Debug)]
pub(crate) struct Requests {
    awaited: Recent<(Guid, SocketAddr), Request>,
    manners: Recent<SocketAddr, Manners>,
    rng: Rng,
}

impl Requests {
    /// None yet.
    pub(crate) fn new(config: &Config, rng: &mut Rng) -> Requests {
        let max = config.requests_max.into();
        Requests {
            awaited: Recent::new(max, rng),
            manners: Recent::new(max, rng),
            rng: rng.derive("tokens"),
        }
    }

    /// Somebody offers hits for a query of ours, of which we still take `room`. Gives what to ask
    /// for: how many, and the token. Nothing if it has been asked and something came. An offer that
    /// comes again gets the same answer: the first one may be lost.
    pub(crate) fn offered(
        &mut self,
        guid: Guid,
        from: SocketAddr,
        hits: u8,
        room: usize,
        now: Time,
        config: &Config,
    ) -> Result<Option<(u8, Token)>, Why> {
        let manners = self.manners.get_or_insert(host_of(from), Manners::default);
        if now < manners.ignored_until {
            return Err(Why::EmptyOffers);
        }
        if let Some(request) = self.awaited.get(&(guid, from)) {
            return Ok((request.came == 0).then_some((request.asked, request.token)));
        }
        if now >= manners.since + Duration::from_secs(config.empty_offers_window_s.into()) {
            (manners.empty, manners.since) = (0, now);
        }
        if manners.empty >= config.empty_offers_max {
            manners.ignored_until = now + Duration::from_secs(config.empty_offers_ban_s.into());
            return Err(Why::EmptyOffers);
        }
        let asked = u8::try_from(room).unwrap_or(u8::MAX).min(hits);
        if asked == 0 {
            return Ok(None);
        }
        manners.empty += 1;
        let mut bytes = [0; TOKEN_BYTES];
        self.rng.fill(&mut bytes);
        let Ok(token) = Token::new(&bytes) else { return Ok(None) };
        self.awaited.put((guid, from), Request { token, asked, came: 0 });
        Ok(Some((asked, token)))
    }

    /// Hits came: so many of them are what was asked for. They must come from whom we asked, with
    /// the token that nobody else can know.
    pub(crate) fn delivered(
        &mut self,
        guid: Guid,
        from: SocketAddr,
        token: Option<Token>,
        hits: usize,
    ) -> Result<usize, Why> {
        let request = self.awaited.peek_mut(&(guid, from)).ok_or(Why::BadToken)?;
        if token != Some(request.token) {
            return Err(Why::BadToken);
        }
        let wanted = request.asked.saturating_sub(request.came);
        if wanted == 0 {
            return Err(Why::NotAskedFor);
        }
        let taken = u8::try_from(hits).unwrap_or(u8::MAX).min(wanted);
        if request.came == 0
            && let Some(manners) = self.manners.peek_mut(&host_of(from))
        {
            manners.empty = manners.empty.saturating_sub(1);
        }
        request.came += taken;
        Ok(taken.into())
    }

    /// Hosts that were asked, with a query each.
    pub(crate) fn len(&self) -> usize {
        self.awaited.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn host(number: u8) -> SocketAddr {
        SocketAddr::from(([9, 9, 9, number], 6346))
    }

    fn at(seconds: u64) -> Time {
        Time::ZERO + Duration::from_secs(seconds)
    }

    fn guid(number: u8) -> Guid {
        Guid([number; 16])
    }

    fn requests(config: &Config) -> Requests {
        Requests::new(config, &mut Rng::from_u64(1))
    }

    #[test]
    fn hits_come_with_the_token_from_whom_they_were_asked_and_no_more_than_that() {
        let config = Config::default();
        let mut requests = requests(&config);
        let offered = |requests: &mut Requests, from, room| {
            requests.offered(guid(1), from, 12, room, at(1), &config).unwrap()
        };
        let (asked, token) = offered(&mut requests, host(1), 100).unwrap();
        assert_eq!((asked, token.as_bytes().len()), (12, TOKEN_BYTES));
        assert_eq!(offered(&mut requests, host(1), 100), Some((12, token)), "asked again");
        let (_, other) = offered(&mut requests, host(2), 100).unwrap();
        assert_ne!(token, other);
        assert_eq!(offered(&mut requests, host(3), 5).unwrap().0, 5);
        assert_eq!(offered(&mut requests, host(4), 0), None);
        for (from, with, expected) in [
            (host(1), None, Err(Why::BadToken)),
            (host(1), Some(other), Err(Why::BadToken)),
            (host(2), Some(token), Err(Why::BadToken)),
            (host(5), Some(token), Err(Why::BadToken)),
            (host(1), Some(token), Ok(10)),
            (host(1), Some(token), Ok(2)),
            (host(1), Some(token), Err(Why::NotAskedFor)),
        ] {
            assert_eq!(requests.delivered(guid(1), from, with, 10), expected);
        }
        assert_eq!(requests.delivered(guid(2), host(1), Some(token), 1), Err(Why::BadToken));
        assert_eq!(offered(&mut requests, host(1), 100), None, "it has come");
    }

    #[test]
    fn who_offers_and_does_not_deliver_is_ignored_for_a_while() {
        let config = Config { empty_offers_max: 3, requests_max: 10, ..Config::default() };
        let mut requests = requests(&config);
        let offer = |requests: &mut Requests, number, second| {
            requests.offered(guid(number), host(1), 9, 9, at(second), &config)
        };
        let (_, token) = offer(&mut requests, 0, 1).unwrap().unwrap();
        assert_eq!(requests.delivered(guid(0), host(1), Some(token), 9), Ok(9));
        for number in 1..=3 {
            assert!(offer(&mut requests, number, 2).is_ok(), "{number}");
        }
        assert_eq!(offer(&mut requests, 4, 3), Err(Why::EmptyOffers));
        let ban = u64::from(config.empty_offers_ban_s);
        assert_eq!(offer(&mut requests, 5, 2 + ban), Err(Why::EmptyOffers));
        assert!(offer(&mut requests, 6, 3 + ban).is_ok());
        assert!(requests.offered(guid(7), host(2), 9, 9, at(3), &config).is_ok());
        for number in 0..100 {
            let from = SocketAddr::from(([9, 9, 8, number], 6346));
            requests.offered(guid(8), from, 9, 9, at(4), &config).unwrap();
        }
        assert_eq!((requests.len(), requests.manners.len()), (10, 10));
    }
}
