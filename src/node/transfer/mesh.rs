//! Who else has a content: the alternate locations that we hand out (protocol.md section 12).
//!
//! Only servents from which we had bytes of a file whose hash was right get in: whoever hands out
//! what strangers say leads others to whomever those strangers like.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use crate::node::{Config, Time};
use crate::wire::{Families, Sha1};

/// So many addresses must say that a place does not have the content before it is forgotten.
const ACCUSERS_MIN: usize = 3;

/// The places that have proved themselves, by content. Costs nothing while it is empty.
#[derive(Debug, Default)]
pub(super) struct Mesh(BTreeMap<Sha1, Vec<Place>>);

#[derive(Debug)]
struct Place {
    address: SocketAddr,
    proved_at: Time,
    /// Who says that it does not have it; fewer than [`ACCUSERS_MIN`].
    accusers: Vec<IpAddr>,
}

impl Mesh {
    /// We had right bytes of this content from there.
    pub(super) fn prove(&mut self, now: Time, sha1: Sha1, address: SocketAddr, config: &Config) {
        let known = self.0.contains_key(&sha1);
        if !known && self.0.len() >= config.alternate_files_max as usize {
            self.make_room();
        }
        if config.alternate_files_max == 0 || config.alternates_per_file_max == 0 {
            return;
        }
        let places = self.0.entry(sha1).or_default();
        places.retain(|place| place.address != address);
        if places.len() >= usize::from(config.alternates_per_file_max) {
            places.remove(0);
        }
        // The last one proved stands last.
        places.push(Place { address, proved_at: now, accusers: Vec::new() });
    }

    /// It does not have this content any more, as we saw ourselves.
    pub(super) fn disprove(&mut self, sha1: &Sha1, address: SocketAddr) {
        self.retain(sha1, |place| place.address != address);
    }

    /// Somebody says that these do not have it. One voice is not believed.
    pub(super) fn accuse(&mut self, sha1: &Sha1, accused: &[SocketAddr], by: IpAddr) {
        self.retain(sha1, |place| {
            if !accused.contains(&place.address) || place.accusers.contains(&by) {
                return true;
            }
            place.accusers.push(by);
            place.accusers.len() < ACCUSERS_MIN
        });
    }

    /// At most so many places that somebody who can use these addresses may try, the last proved
    /// first.
    pub(super) fn of(
        &self,
        now: Time,
        sha1: &Sha1,
        families: Families,
        max: usize,
        config: &Config,
    ) -> impl Iterator<Item = SocketAddr> + '_ {
        let lifetime = Duration::from_secs(config.alternate_lifetime_s.into());
        let places = self.0.get(sha1).map_or(&[][..], Vec::as_slice).iter().rev();
        places
            .filter(move |place| now.since(place.proved_at) < lifetime)
            .map(|place| place.address)
            .filter(move |address| families.take(address))
            .take(max)
    }

    /// How many places there are for all contents.
    pub(super) fn len(&self) -> usize {
        self.0.values().map(Vec::len).sum()
    }

    fn retain(&mut self, sha1: &Sha1, keep: impl FnMut(&mut Place) -> bool) {
        if let Some(places) = self.0.get_mut(sha1) {
            places.retain_mut(keep);
            if places.is_empty() {
                self.0.remove(sha1);
            }
        }
    }

    /// Forgets the content whose last proof is the oldest.
    fn make_room(&mut self) {
        let last_proof = |places: &[Place]| places.last().map(|place| place.proved_at);
        let oldest = self.0.iter().min_by_key(|(_, places)| last_proof(places));
        if let Some(oldest) = oldest.map(|(sha1, _)| *sha1) {
            self.0.remove(&oldest);
        }
    }
}

#[cfg(test)]
mod tests;
