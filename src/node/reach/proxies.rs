//! The ultrapeers that hand us pushes, while we cannot be connected to.

use std::net::SocketAddr;

use crate::node::ConnId;

/// Our push proxies, and those that were asked to be. Each stands with its link.
#[derive(Debug, Default)]
pub(crate) struct Proxies {
    asked: Vec<ConnId>,
    serving: Vec<(ConnId, SocketAddr)>,
}

/// Which of these neighbours to ask to become push proxies, so that we have `wanted` of them.
/// Nobody is asked twice: who did not answer does not want to.
pub(crate) fn whom_to_ask(proxies: &Proxies, neighbours: &[ConnId], wanted: usize) -> Vec<ConnId> {
    let unanswered = proxies.asked.iter().filter(|conn| !proxies.serves(**conn)).count();
    // Those who do not answer must not keep others from being asked for ever.
    let missing =
        wanted.saturating_sub(proxies.serving.len()).min((2 * wanted).saturating_sub(unanswered));
    let fresh = neighbours.iter().filter(|conn| !proxies.asked.contains(conn));
    fresh.take(missing).copied().collect()
}

impl Proxies {
    /// This neighbour was asked.
    pub(crate) fn asked(&mut self, conn: ConnId) {
        self.asked.push(conn);
    }

    /// It agreed and can be reached there. Says whether it had been asked.
    pub(crate) fn agreed(&mut self, conn: ConnId, address: SocketAddr) -> bool {
        let asked = self.asked.contains(&conn);
        if asked && !self.serves(conn) {
            self.serving.push((conn, address));
        }
        asked
    }

    /// Its link is gone.
    pub(crate) fn left(&mut self, conn: ConnId) {
        self.asked.retain(|&asked| asked != conn);
        self.serving.retain(|&(serving, _)| serving != conn);
    }

    /// We need none any more. Whom to tell.
    pub(crate) fn dismiss(&mut self) -> Vec<ConnId> {
        self.asked.clear();
        std::mem::take(&mut self.serving).into_iter().map(|(conn, _)| conn).collect()
    }

    /// Where they can be reached.
    pub(crate) fn addresses(&self) -> impl Iterator<Item = SocketAddr> + '_ {
        self.serving.iter().map(|&(_, address)| address)
    }

    fn serves(&self, conn: ConnId) -> bool {
        self.serving.iter().any(|&(serving, _)| serving == conn)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_many_as_wanted_and_nobody_twice() {
        let conns: Vec<ConnId> = (1..=9).map(ConnId::ordered).collect();
        let address = SocketAddr::from(([8, 8, 8, 8], 6346));
        let mut proxies = Proxies::default();
        assert!(!proxies.agreed(conns[0], address), "nobody asked for it");
        let ask = |proxies: &mut Proxies| {
            let chosen = whom_to_ask(proxies, &conns, 2);
            chosen.iter().for_each(|&conn| proxies.asked(conn));
            chosen
        };
        assert_eq!(ask(&mut proxies), conns[..2]);
        assert!(proxies.agreed(conns[1], address) && proxies.agreed(conns[1], address));
        assert_eq!(proxies.addresses().collect::<Vec<_>>(), [address]);
        // The first does not answer; others are asked in its place, but not all there are.
        assert_eq!(ask(&mut proxies), conns[2..3]);
        assert_eq!(ask(&mut proxies), conns[3..4]);
        assert_eq!(ask(&mut proxies), conns[4..5]);
        assert_eq!(ask(&mut proxies), []);
        proxies.left(conns[1]);
        assert_eq!(proxies.addresses().count(), 0);
        proxies.left(conns[0]);
        assert_eq!(ask(&mut proxies), conns[..1]);
        assert!(proxies.agreed(conns[0], address));
        assert_eq!(proxies.dismiss(), conns[..1]);
        assert_eq!(ask(&mut proxies), conns[..2]);
    }
}
