//! Whether others can reach the servent, how it knows, and what its user can do: in words.

use super::types::{Door, Openness, Reach};
use crate::servent::{
    self, Because, DoorView, Mapped, MappingFailure, MappingMethod, MappingView, ReachView,
};

/// What the node knows, `up_s` seconds after it began; `port` is where it listens.
pub(super) fn reach(view: &ReachView, port: u16, up_s: u64) -> Reach {
    Reach {
        tcp: door(&view.tcp, up_s, "connected to us"),
        udp: door(&view.udp, up_s, "sent us datagrams unasked"),
        port_mapping: mapping(&view.mapping),
        mapped: match view.mapping {
            MappingView::Mapped(Mapped { external, .. }) => Some(external),
            _ => None,
        },
        push_proxies: view.push_proxies.clone(),
        push_proxy_for: view.push_proxy_for,
        advice: advice(view, port),
    }
}

fn door(view: &DoorView, up_s: u64, came: &str) -> Door {
    let openness = match view.openness {
        servent::Openness::Unknown => Openness::Unknown,
        servent::Openness::Open => Openness::Open,
        servent::Openness::Closed => Openness::Closed,
    };
    let why = match view.because {
        Because::NotListening => "we do not listen".to_owned(),
        Because::LocalNetwork => "all neighbours are in our own network".to_owned(),
        Because::Came { hosts } => format!("{} {came}", counted(hosts, "host", "hosts")),
        Because::NoAnswer { tests } => {
            format!("no answer to {}", counted(tests, "test", "tests"))
        }
        Because::Testing => "neighbours were asked to connect back".to_owned(),
        Because::NobodyToAsk => "no neighbour could be asked to connect back yet".to_owned(),
    };
    Door { openness, why, since_s: up_s.saturating_sub(view.since_us / 1_000_000) }
}

fn mapping(view: &MappingView) -> String {
    match view {
        MappingView::None => "not asked for".to_owned(),
        MappingView::Asked => "the router is being asked".to_owned(),
        MappingView::Mapped(Mapped { external, method, .. }) => {
            let method = match method {
                MappingMethod::NatPmp => "NAT-PMP",
                MappingMethod::Upnp => "UPnP",
            };
            format!("port mapped by {method} at {external}")
        }
        MappingView::Failed { failure: MappingFailure::NoAnswer } => {
            "no router answered, neither by NAT-PMP nor by UPnP".to_owned()
        }
        MappingView::Failed { failure: MappingFailure::Refused } => {
            "the router refused to map our port".to_owned()
        }
    }
}

/// What the user can do, if something should be done.
fn advice(view: &ReachView, port: u16) -> Option<String> {
    let closed = |door: &DoorView| door.openness == servent::Openness::Closed;
    if view.tcp.because == Because::NotListening {
        return Some("choose a port with --listen, so that others can connect".to_owned());
    }
    let ways = match (closed(&view.tcp), closed(&view.udp)) {
        (true, true) => "TCP and UDP",
        (true, false) => "TCP",
        (false, true) => "UDP",
        (false, false) => return None,
    };
    Some(match view.mapping {
        MappingView::Mapped(_) => format!(
            "the router maps port {port}, but something still keeps others out: allow {ways} \
             port {port} in the firewall of this machine, or ask the provider whether it shares \
             one address among many"
        ),
        _ => format!(
            "forward {ways} port {port} in the router and allow it in the firewall, or turn \
             NAT-PMP or UPnP on in the router; until then others reach us by pushes alone"
        ),
    })
}

fn counted(count: u32, one: &str, many: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { many })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn view(tcp: Because, udp: Because, mapping: MappingView) -> ReachView {
        let door = |because| DoorView {
            openness: match because {
                Because::Came { .. } | Because::LocalNetwork => servent::Openness::Open,
                Because::NoAnswer { .. } | Because::NotListening => servent::Openness::Closed,
                Because::Testing | Because::NobodyToAsk => servent::Openness::Unknown,
            },
            because,
            since_us: 5_000_000,
        };
        let (tcp, udp) = (door(tcp), door(udp));
        ReachView { tcp, udp, mapping, push_proxies: Vec::new(), push_proxy_for: 0 }
    }

    #[test]
    fn it_says_how_it_knows_and_what_can_be_done() {
        let external = "8.8.4.4:7000".parse().unwrap();
        let method = MappingMethod::NatPmp;
        let mapped = MappingView::Mapped(Mapped { external, lifetime_s: 60, method });
        let (came, silence) = (Because::Came { hosts: 2 }, Because::NoAnswer { tests: 3 });
        let said = reach(&view(came, silence, mapped), 6346, 65);
        assert_eq!((said.tcp.openness, said.udp.openness), (Openness::Open, Openness::Closed));
        assert_eq!(said.tcp.why, "2 hosts connected to us");
        assert_eq!((said.udp.why.as_str(), said.udp.since_s), ("no answer to 3 tests", 60));
        assert_eq!(said.port_mapping, "port mapped by NAT-PMP at 8.8.4.4:7000");
        assert_eq!(said.mapped, Some(external));
        assert!(said.advice.unwrap().contains("allow UDP port 6346 in the firewall"));
        let said = reach(&view(silence, silence, MappingView::None), 6346, 65);
        assert!(said.advice.unwrap().starts_with("forward TCP and UDP port 6346 in the router"));
        for well in [came, Because::LocalNetwork, Because::Testing, Because::NobodyToAsk] {
            assert_eq!(reach(&view(well, well, MappingView::Asked), 6346, 65).advice, None);
        }
        let deaf = reach(&view(Because::NotListening, came, MappingView::None), 0, 65);
        assert!(deaf.advice.unwrap().contains("--listen"));
    }
}
