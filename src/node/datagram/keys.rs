//! Query keys (protocol.md section 16): a key follows from the address of whoever asks for it and a
//! secret of ours, so that none is stored. Who shows it has got mail at that address.

use std::net::{IpAddr, SocketAddr};

use crate::node::{Config, Rng, Time};
use crate::wire::Token;

/// Bytes of a key: between the 4 and 16 that are allowed.
const KEY_BYTES: usize = 8;

/// The secret. What is derived from it changes from time to time.
#[derive(Debug)]
pub(crate) struct Keys {
    secret: Rng,
}

impl Keys {
    /// Those of a secret.
    pub(crate) fn new(rng: &Rng) -> Keys {
        Keys { secret: rng.derive("query keys") }
    }

    /// The key of this address at present.
    pub(crate) fn of(&self, address: SocketAddr, now: Time, config: &Config) -> Option<Token> {
        self.of_generation(address, generation(now, config))
    }

    /// Whether this is the key of the address, now or in the generation before.
    pub(crate) fn is_valid(
        &self,
        key: &Token,
        address: SocketAddr,
        now: Time,
        config: &Config,
    ) -> bool {
        let now = generation(now, config);
        let generations = [Some(now), now.checked_sub(1)];
        generations.iter().flatten().any(|&one| self.of_generation(address, one) == Some(*key))
    }

    fn of_generation(&self, address: SocketAddr, generation: u64) -> Option<Token> {
        let ip = match address.ip().to_canonical() {
            IpAddr::V4(ip) => u128::from(ip.to_bits()),
            IpAddr::V6(ip) => ip.to_bits(),
        };
        let (high, low) = ((ip >> 64) as u64, ip as u64);
        let bytes = self.secret.keyed(&[generation, high, low, address.port().into()]);
        Token::new(&bytes[..KEY_BYTES]).ok()
    }
}

fn generation(now: Time, config: &Config) -> u64 {
    now.since(Time::ZERO).as_secs() / u64::from(config.query_key_s.max(1))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_key_is_good_for_its_address_and_two_generations() {
        let config = Config { query_key_s: 100, ..Config::default() };
        let at = |seconds| Time::ZERO + Duration::from_secs(seconds);
        let address = |text: &str| text.parse::<SocketAddr>().unwrap();
        let keys = Keys::new(&Rng::from_u64(1));
        let mut seen = Vec::new();
        for mine in ["9.9.9.9:1", "9.9.9.9:2", "9.9.9.8:1", "[2606::1]:1", "[2606:1::1]:1"] {
            let key = keys.of(address(mine), at(50), &config).unwrap();
            assert!(!seen.contains(&key));
            seen.push(key);
            let valid =
                |whose: &str, second| keys.is_valid(&key, address(whose), at(second), &config);
            assert!(valid(mine, 0) && valid(mine, 99) && valid(mine, 199));
            assert!(!valid(mine, 200) && !valid("9.9.9.7:1", 50));
        }
        let mapped = keys.of(address("[::ffff:9.9.9.9]:1"), at(50), &config);
        assert_eq!(mapped, Some(seen[0]));
        assert_ne!(Keys::new(&Rng::from_u64(2)).of(address("9.9.9.9:1"), at(50), &config), mapped);
    }
}
