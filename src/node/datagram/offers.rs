//! Hits that wait to be fetched out of band (protocol.md section 20): we offer them, are asked for
//! them, see to it that the asker is whose the address is, and send them one by one.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::SocketAddr;
use std::time::Duration;

use super::host_of;
use crate::library::FileIndex;
use crate::node::{Config, Time, Why};
use crate::wire::{Guid, Token};

/// The hits for one query.
#[derive(Debug)]
struct Offer {
    to: SocketAddr,
    stage: Stage,
    /// How often the last word was said.
    said: u8,
    due: Time,
}

/// What is awaited.
#[derive(Debug)]
enum Stage {
    /// That the hits are asked for.
    Offered { found: Found },
    /// A proof that whoever asked for them is whose the address is.
    Requested { found: Found, token: Token },
    /// Nothing: these hits go.
    Sending { payloads: VecDeque<Box<[u8]>> },
}

/// What was found for a query.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Found {
    /// The files.
    pub(crate) files: Box<[FileIndex]>,
    /// Whether the asker reads contents in binary.
    pub(crate) binary_hashes: bool,
}

impl Found {
    /// How many, as offers count them: 255 is 255 or more.
    pub(crate) fn count(&self) -> u8 {
        u8::try_from(self.files.len()).unwrap_or(u8::MAX)
    }
}

/// What is to be done now about an offer.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Due {
    /// Say it again: so many hits for this query.
    Offer {
        /// To whom.
        to: SocketAddr,
        /// How many.
        hits: u8,
    },
    /// Have the address proved, or deliver if it is.
    Prove {
        /// Whose.
        to: SocketAddr,
    },
    /// Send one hit.
    Send {
        /// To whom.
        to: SocketAddr,
        /// Its payload.
        payload: Box<[u8]>,
    },
    /// It is over: nobody wanted them, or the address was never proved.
    Over(Why),
}

/// All offers under way, one for a query, and when each is due.
#[derive(Debug, Default)]
pub(crate) struct Offers {
    all: BTreeMap<Guid, Offer>,
    due: BTreeSet<(Time, Guid)>,
    per_host: BTreeMap<SocketAddr, u16>,
}

impl Offers {
    /// Whether one more may be made to this address.
    pub(crate) fn has_room(&self, guid: &Guid, to: SocketAddr, config: &Config) -> bool {
        let of_host = self.per_host.get(&host_of(to)).copied().unwrap_or(0);
        self.all.len() < usize::from(config.offers_max)
            && of_host < config.offers_per_host_max
            && !self.all.contains_key(guid)
    }

    /// The offer was made for the first time.
    pub(crate) fn made(
        &mut self,
        guid: Guid,
        to: SocketAddr,
        found: Found,
        now: Time,
        config: &Config,
    ) {
        let due = now + Duration::from_secs(config.offer_again_s.into());
        self.insert(guid, Offer { to, stage: Stage::Offered { found }, said: 1, due });
    }

    /// These hits go to one who has proved its address, from now on.
    pub(crate) fn send(
        &mut self,
        guid: Guid,
        to: SocketAddr,
        payloads: VecDeque<Box<[u8]>>,
        now: Time,
    ) {
        self.insert(guid, Offer { to, stage: Stage::Sending { payloads }, said: 0, due: now });
    }

    fn insert(&mut self, guid: Guid, offer: Offer) {
        self.take(&guid);
        self.due.insert((offer.due, guid));
        *self.per_host.entry(host_of(offer.to)).or_default() += 1;
        self.all.insert(guid, offer);
    }

    fn take(&mut self, guid: &Guid) -> Option<Offer> {
        let offer = self.all.remove(guid)?;
        self.due.remove(&(offer.due, *guid));
        let host = host_of(offer.to);
        match self.per_host.get_mut(&host) {
            Some(count) if *count > 1 => *count -= 1,
            _ => drop(self.per_host.remove(&host)),
        }
        Some(offer)
    }

    fn wait(&mut self, guid: Guid, mut offer: Offer, until: Time) {
        offer.due = until;
        self.insert(guid, offer);
    }

    /// Somebody asks for so many of the hits. Only who was offered them may; more than were offered
    /// are never sent. The token goes with each hit.
    pub(crate) fn requested(
        &mut self,
        guid: Guid,
        from: SocketAddr,
        hits: u8,
        token: Token,
        now: Time,
    ) -> Result<(), Why> {
        let offer = self.all.get(&guid).ok_or(Why::NoRoute)?;
        if host_of(offer.to) != host_of(from) {
            return Err(Why::NoRoute);
        }
        let Stage::Offered { .. } = offer.stage else { return Err(Why::Duplicate) };
        let Some(Offer { stage: Stage::Offered { found }, .. }) = self.take(&guid) else {
            return Ok(());
        };
        let wanted = if hits == u8::MAX { found.files.len() } else { hits.into() };
        let files: Box<[FileIndex]> = found.files.iter().take(wanted).copied().collect();
        if !files.is_empty() {
            let stage = Stage::Requested { found: Found { files, ..found }, token };
            self.insert(guid, Offer { to: from, stage, said: 0, due: now });
        }
        Ok(())
    }

    /// A host has proved its address: what it asked for may go.
    pub(crate) fn proven(&mut self, at: SocketAddr, now: Time) {
        if !self.per_host.contains_key(&host_of(at)) {
            return;
        }
        let waits = |(_, offer): &(&Guid, &Offer)| {
            matches!(offer.stage, Stage::Requested { .. }) && host_of(offer.to) == host_of(at)
        };
        let waiting: Vec<Guid> = self.all.iter().filter(waits).map(|(guid, _)| *guid).collect();
        for guid in waiting {
            if let Some(offer) = self.take(&guid) {
                self.wait(guid, offer, now);
            }
        }
    }

    /// What was asked for, to be made into hits; the offer is gone then.
    pub(crate) fn deliver(&mut self, guid: &Guid) -> Option<(SocketAddr, Found, Token)> {
        match self.take(guid)? {
            Offer { to, stage: Stage::Requested { found, token }, .. } => Some((to, found, token)),
            _ => None,
        }
    }

    /// When the next is due.
    pub(crate) fn deadline(&self) -> Time {
        self.due.first().map_or(Time::NEVER, |&(due, _)| due)
    }

    /// What is due now; each call moves one offer on.
    pub(crate) fn take_due(&mut self, now: Time, config: &Config) -> Option<(Guid, Due)> {
        let &(_, guid) = self.due.first().filter(|&&(due, _)| due <= now)?;
        let mut offer = self.take(&guid)?;
        let to = offer.to;
        let is_over = offer.said >= config.offer_tries_max;
        // Each silence doubles the wait.
        let patience = |seconds: u16| Duration::from_secs(u64::from(seconds) << offer.said.min(8));
        let due = match &mut offer.stage {
            Stage::Offered { .. } if is_over => Due::Over(Why::OfferUnanswered),
            Stage::Requested { .. } if is_over => Due::Over(Why::UnprovenAddress),
            Stage::Offered { found } => {
                let (hits, until) = (found.count(), now + patience(config.offer_again_s));
                offer.said += 1;
                self.wait(guid, offer, until);
                Due::Offer { to, hits }
            }
            Stage::Requested { .. } => {
                let until = now + patience(config.proof_again_s);
                offer.said += 1;
                self.wait(guid, offer, until);
                Due::Prove { to }
            }
            Stage::Sending { payloads } => {
                let payload = payloads.pop_front()?;
                if !payloads.is_empty() {
                    let pause = Duration::from_millis(config.hit_pause_ms.into());
                    self.wait(guid, offer, now + pause);
                }
                Due::Send { to, payload }
            }
        };
        Some((guid, due))
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.all.len()
    }
}

#[cfg(test)]
mod tests;
