use proptest::prelude::*;

use super::*;

const A: Sha1 = Sha1([1; 20]);

fn at(number: u8) -> SocketAddr {
    SocketAddr::from(([9, 9, 9, number], 6346))
}

fn s(seconds: u64) -> Time {
    Time::ZERO + Duration::from_secs(seconds)
}

fn of(mesh: &Mesh, now: Time, sha1: Sha1) -> Vec<SocketAddr> {
    mesh.of(now, &sha1, Families::Both, 10, &Config::default()).collect()
}

#[test]
fn the_last_proved_stand_first_and_live_for_twelve_hours() {
    let (mut mesh, config) = (Mesh::default(), Config::default());
    for (second, number) in [(0, 1), (10, 2), (20, 3), (30, 1)] {
        mesh.prove(s(second), A, at(number), &config);
    }
    assert_eq!(of(&mesh, s(40), A), [at(1), at(3), at(2)]);
    assert_eq!(of(&mesh, s(12 * 3_600 + 15), A), [at(1), at(3)]);
    assert_eq!(of(&mesh, s(12 * 3_600 + 30), A), []);
    assert_eq!(of(&mesh, s(40), Sha1([2; 20])), []);
    mesh.disprove(&A, at(3));
    assert_eq!(of(&mesh, s(40), A), [at(1), at(2)]);
}

#[test]
fn three_must_say_that_it_is_gone() {
    let (mut mesh, config) = (Mesh::default(), Config::default());
    mesh.prove(s(0), A, at(1), &config);
    mesh.prove(s(0), A, at(2), &config);
    for _ in 0..100 {
        mesh.accuse(&A, &[at(1), at(3)], at(7).ip());
    }
    mesh.accuse(&A, &[at(1)], at(8).ip());
    assert_eq!(of(&mesh, s(1), A), [at(2), at(1)]);
    mesh.accuse(&A, &[at(1)], at(9).ip());
    assert_eq!(of(&mesh, s(1), A), [at(2)]);
    // A new proof clears it of what was said.
    mesh.accuse(&A, &[at(2)], at(7).ip());
    mesh.accuse(&A, &[at(2)], at(8).ip());
    mesh.prove(s(2), A, at(2), &config);
    mesh.accuse(&A, &[at(2)], at(9).ip());
    assert_eq!(of(&mesh, s(3), A), [at(2)]);
}

#[test]
fn only_addresses_that_are_of_use_are_told() {
    let (mut mesh, config) = (Mesh::default(), Config::default());
    let ipv6: SocketAddr = "[2001:db9::1]:6346".parse().unwrap();
    mesh.prove(s(0), A, at(1), &config);
    mesh.prove(s(0), A, ipv6, &config);
    let told = |families| mesh.of(s(1), &A, families, 10, &config).collect::<Vec<_>>();
    assert_eq!(told(Families::Ipv4), [at(1)]);
    assert_eq!(told(Families::Ipv6), [ipv6]);
    assert_eq!(told(Families::Both), [ipv6, at(1)]);
}

proptest! {
    #[test]
    fn its_limits_hold(proofs in prop::collection::vec((0..20u8, 0..20u8), 0..200)) {
        let config = Config {
            alternate_files_max: 5, alternates_per_file_max: 3, ..Config::default()
        };
        let mut mesh = Mesh::default();
        for (second, (content, place)) in (0..).zip(proofs) {
            mesh.prove(s(second), Sha1([content; 20]), at(place), &config);
            prop_assert!(mesh.0.len() <= 5 && mesh.len() <= 15);
            prop_assert_eq!(of(&mesh, s(second), Sha1([content; 20]))[0], at(place));
        }
    }
}
