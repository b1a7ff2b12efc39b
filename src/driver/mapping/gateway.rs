//! Where the way to the rest of the world begins.

use std::net::Ipv4Addr;

/// The kernel's table of IPv4 routes.
const ROUTES: &str = "/proc/net/route";

/// In the flags of a route: it leads over a gateway.
const OVER_GATEWAY: u32 = 2;

/// The gateway of the default route, where the system tells.
pub(super) fn default_route() -> Option<Ipv4Addr> {
    in_table(&std::fs::read_to_string(ROUTES).ok()?)
}

/// Lines of name, destination, gateway, flags and more; addresses as the machine stores them.
fn in_table(table: &str) -> Option<Ipv4Addr> {
    table.lines().skip(1).find_map(|line| {
        let mut fields = line.split_ascii_whitespace().skip(1);
        let mut number = || u32::from_str_radix(fields.next()?, 16).ok();
        let (destination, gateway, flags) = (number()?, number()?, number()?);
        let leads_out = destination == 0 && gateway != 0 && flags & OVER_GATEWAY != 0;
        leads_out.then(|| Ipv4Addr::from(gateway.to_ne_bytes()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_route_is_the_one_that_leads_anywhere() {
        let gateway = u32::from_ne_bytes([192, 168, 1, 1]);
        let table = format!(
            "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\n\
             eth0\t0001A8C0\t00000000\t0001\t0\t0\t100\t00FFFFFF\n\
             tun0\t00000000\t00000000\t0001\t0\t0\t50\t00000000\n\
             eth0\t00000000\t{gateway:08X}\t0003\t0\t0\t100\t00000000\n"
        );
        assert_eq!(in_table(&table), Some(Ipv4Addr::new(192, 168, 1, 1)));
        for none in ["", "Iface\n", "Iface\neth0\n", "Iface\neth0\t00000000\tzz\t0003\n"] {
            assert_eq!(in_table(none), None);
        }
    }
}
