use super::*;
use crate::sim::{Joining, Misdeed, NodeId, Settled};

const FILE: &str = r#"
title = "Who hears a question?"
seed = 7

[network]
topology = "random-regular"
nodes = 200
degree = 4

[node]
strategy = "2 random-neighbours"
ttl = 9
query-routing = true
alive-ping = "2 min"
send-queue-bytes-max = "1 MB"

[links]
latency = "exponential 50ms"
rate = "64 kB/s"

[[group]]
name = "quiet"
nodes = "10% of all"
node = { upload_slots = 0 }

[[share]]
nodes = "3 of quiet"
files = ["apricot jam.txt", { name = "plum.mp3", size = "3 MB" }]

[[step]]
search = "apricot"
by = 0
label = "first"

[[step]]
after = "5s"
kill = "30% of all"

[[step]]
wait-until = "every node reachable"
at-most = "1 min"

[expect]
that = ["messages of first >= 1", "hits >= 1 within 3s"]
"#;

fn read(text: &str) -> Result<Scenario, Mistake> {
    let document = Document::parse("x.toml", text)?;
    let axes: Vec<Axis> = varied(&document)?.iter().map(Varied::axis).collect();
    Scenario::read(&document, &axes, &|name| Err(format!("{name} cannot be read")))
}

#[test]
fn a_whole_file_is_understood() {
    let scenario = read(FILE).unwrap_or_else(|mistake| panic!("{mistake}"));
    assert_eq!((scenario.seed, scenario.network.nodes(), scenario.steps.len()), (7, 200, 3));
    let config = scenario.config(false);
    assert_eq!(config.strategy, Strategy::RandomNeighbours { k: 2 });
    assert_eq!(
        (config.query_ttl_default, config.query_routing, config.alive_ping_s),
        (9, true, 120)
    );
    assert_eq!(config.send_queue_bytes_max, 1 << 20);
    assert_eq!(scenario.links.rate_bytes_s, Some(65_536));
    assert_eq!(scenario.shares[0].files[1], File { name: "plum.mp3".into(), size_bytes: 3 << 20 });
    assert_eq!(scenario.steps[1].when, When::After(Duration::from_secs(5)));
    let line = FILE.lines().position(|line| line.starts_with("that")).map(|at| at as u32 + 1);
    assert_eq!(Some(scenario.expectations[1].1), line);
}

/// Each: what is replaced by what, what stands on the line that is blamed, and what is said.
#[test]
fn mistakes_point_at_the_line_and_propose_a_name() {
    for (good, bad, blamed, said) in [
        ("degree = 4", "degre = 4", "degre", "network.degre: there is no such key; is it degree?"),
        ("nodes = 200", "nodes = 201\nmore = 1", "more", "no such key"),
        ("degree = 4", "degree = 4\nrows = 2", "rows", "topology random-regular has no rows"),
        ("\"random-regular\"", "\"random-regula\"", "random-regula", "is it random-regular?"),
        ("nodes = 200", "nodes = \"many\"", "many", "many is not a whole number"),
        ("nodes = 200", "nodes = -200", "nodes", "-200 is negative"),
        ("nodes = 200", "nodes = 1e30", "nodes", "too large"),
        ("nodes = 200", "nodes = 17000000", "topology", "16000000 nodes at most"),
        ("nodes = 200", "nodes = 11000000", "topology", "22000000 links are too many"),
        ("nodes = 200", "", "[network]", "nodes is missing"),
        ("nodes = 200\ndegree = 4", "nodes = 3\ndegree = 1", "degree = 1", "no graph of 3 nodes"),
        ("ttl = 9", "ttls = 9", "ttls", "is it ttl?"),
        ("ttl = 9", "ttl = 0", "ttl = 0", "one link at least"),
        ("search = \"apricot\"", "search = \"?\"", "search", "needs words"),
        ("search = \"apricot\"", "search = \"a b\"", "search", "must have 2 letters"),
        (
            "ttl = 9",
            "ttl = 900",
            "ttl = 900",
            "node.ttl: this must be a whole number from 0 to 255",
        ),
        ("query-routing = true", "query-routing = 1", "query-routing", "should be true or false"),
        ("\"2 random-neighbours\"", "\"random-neighbours\"", "random-neighbours", "how many"),
        ("\"2 random-neighbours\"", "\"flod\"", "flod", "is it flood?"),
        ("\"exponential 50ms\"", "\"quick\"", "quick", "write it like 50ms"),
        ("\"64 kB/s\"", "\"64 kB\"", "64 kB", "not a rate"),
        ("\"3 of quiet\"", "\"3 of quite\"", "quite", "no nodes are called quite; is it quiet?"),
        ("by = 0", "by = 200", "by = 200", "there is no node 200: they are numbered from 0 to 199"),
        ("by = 0", "", "[[step]]", "by is missing"),
        ("search = \"apricot\"", "serch = \"apricot\"", "serch", "is it search?"),
        ("after = \"5s\"", "after = \"5s\"\nheal = true", "heal", "one step does one thing"),
        ("\"every node reachable\"", "\"every node happy\"", "happy", "nothing is known of every"),
        ("messages of first", "messages of frist", "frist", "is it first?"),
        ("hits >= 1", "hit >= 1", "hit >=", "is it hits?"),
        ("[expect]", "[expext]", "expext", "is it expect?"),
        ("seed = 7", "seed = 7\nseed = 8", "seed = 8", "duplicate"),
        ("seed = 7", "lasts = \"9999 days\"", "lasts", "a year at most"),
        ("seed = 7", "compare = [\"flood\", \"flood\"]", "compare", "flood is named twice"),
        ("\"64 kB/s\"", "\"0 kB/s\"", "0 kB/s", "nothing arrives"),
        ("seed = 7", "seed = ", "seed", "x.toml:3"),
        ("seed = 7", "compare = [\"flood\", \"fold\"]", "compare", "is it flood?"),
    ] {
        let text = FILE.replacen(good, bad, 1);
        assert_ne!(text, FILE, "{good}");
        let mistake = read(&text).expect_err(bad);
        let shown = mistake.to_string();
        assert!(shown.contains(said), "{bad}: {shown}");
        let line = text.lines().position(|line| line.contains(blamed)).expect(blamed) + 1;
        assert_eq!(mistake.line, line, "{bad}: {shown}");
    }
}

/// What no network of its kind can be is not played as another one.
#[test]
fn networks_that_cannot_be_are_refused() {
    for (network, blamed, said) in [
        ("topology = 'mesh'\nnodes = 1000000", "topology", "499999500000 links are too many"),
        ("topology = 'tree'\ndegree = 30\ndepth = 30", "topology", "16000000 nodes at most"),
        ("topology = 'tree'\ndegree = 1\ndepth = 3", "degree", "2 at least"),
        ("topology = 'grid'\nrows = 99999\ncolumns = 99999", "topology", "nodes at most"),
        ("topology = 'erdos-renyi'\nnodes = 5\nmean-degree = 9", "mean-degree", "4 others"),
        ("topology = 'barabasi-albert'\nnodes = 5\nlinks = 9", "links", "1 to 4, not 9"),
        ("topology = 'watts-strogatz'\nnodes = 9\ndegree = 3\nrewired = 0.1", "degree", "even"),
        ("topology = 'two-tier'\nultrapeers = 0\nleaves = 5", "ultrapeers", "to hang on"),
        ("topology = 'two-tier'\nultrapeers = 4e9\nleaves = 4e9", "topology", "nodes at most"),
        ("topology = 'ring'\nnodes = 4\n[files]\ncount = 5\ncopies = 5", "copies", "nodes (4)"),
        (
            "topology = 'ring'\nnodes = 4\n[[group]]\nname = 'a'\nnodes = 1\n[[group]]\nname = 'a'\nnodes = 2",
            "name",
            "a group a already",
        ),
    ] {
        let text = format!("[network]\n{network}\n");
        let mistake = read(&text).expect_err(network);
        assert!(mistake.to_string().contains(said), "{network}: {mistake}");
        let line = text.lines().nth(mistake.line - 1).expect("a line");
        assert!(line.starts_with(blamed), "{network}: {line}");
    }
}

#[test]
fn a_sweep_changes_one_key_where_it_stands() {
    let text = FILE.replace("[expect]", "[sweep]\nttl = [1, 2]\nnodes = [100, 200]\n\n[expect]");
    let document = Document::parse("x.toml", &text).expect("TOML");
    let varied = varied(&document).expect("a sweep");
    let axes: Vec<Axis> = varied.iter().map(Varied::axis).collect();
    assert_eq!(axes[0], Axis { key: "ttl".into(), values: vec!["1".into(), "2".into()] });
    let one = variant(&document, &varied, &[1, 0]);
    let scenario = Scenario::read(&one, &axes, &|_| Err(String::new())).expect("a scenario");
    assert_eq!((scenario.config(false).query_ttl_default, scenario.network.nodes()), (2, 100));
}

#[test]
fn what_a_sweep_cannot_have_is_said() {
    let document = Document::parse("x.toml", FILE).expect("TOML");
    let place = Place::Words("--sweep".into());
    let value = || vec![value_of("3", &place)];
    for (key, said) in
        [("tll", "is it ttl?"), ("nod.ttl", "is it node?"), ("rewird", "is it rewired?")]
    {
        let mistake = Varied::new(&document, key, &place, value()).expect_err(key);
        assert!(mistake.to_string().contains(said), "{mistake}");
    }
    assert!(Varied::new(&document, "ttl", &place, Vec::new()).is_err());
    // Topologies have different keys: those of the file may be of no use.
    let both = vec![value_of("ring", &place), value_of("line", &place)];
    let varied = [Varied::new(&document, "topology", &place, both).expect("a key")];
    let axes = [varied[0].axis()];
    let read =
        |axes| Scenario::read(&variant(&document, &varied, &[0]), axes, &|_| Err(String::new()));
    assert_eq!(read(&axes).expect("a ring").network.nodes(), 200);
    assert!(read(&[]).is_err());
    // A value that does not fit is a mistake of the command line.
    let varied =
        [Varied::new(&document, "degree", &place, vec![value_of("x", &place)]).expect("a key")];
    let mistake = Scenario::read(&variant(&document, &varied, &[0]), &[], &|_| Err(String::new()))
        .expect_err("x");
    assert_eq!(mistake.to_string(), "--sweep: network.degree: x is not a whole number");
}

/// Every act, with what it may say.
const ACTS: &str = r#"
[network]
topology = "none"
nodes = 20
by = "links"
known = 3
within = "10s"

[links]
datagram-reorder = "5%"
regions = ["west", "east"]
distances = [["1ms", "40ms"], ["60ms", "1ms"]]
region-weights = [2, 1]

[[group]]
name = "walled"
nodes = "0..3"
nat = true

[node]
one-hop-replication = true
"#;

#[test]
fn every_act_is_read() {
    let acts = [
        ("search", "'words'\nby = 1\nttl = 3\nwanted = 5"),
        ("share", "'plum.txt'\nby = 1"),
        ("download", "'plum.txt'\nby = 1\nfrom = 2"),
        ("kill", "1"),
        ("vanish", "1"),
        ("leave", "1"),
        ("restart", "1\nfresh = true"),
        ("join", "2"),
        ("partition", "'0..4'"),
        ("clog", "1\nto = 2"),
        ("swizzle-clog", "'30%'\nlasts = '2 min'"),
        ("delay", "'1s'"),
        ("attack", "1\nwith = 'spoof-datagrams'\nrate = '10 per second'\nvictim = 3"),
        ("heal", "true"),
        ("link", "1\nto = 2"),
        ("wait", "'1s'"),
        ("wait-until", "'every node reachable'\nat-most = '1s'"),
        ("expect", "'every node reachable'"),
        ("reset", "'walled'\nconnections = 3"),
        ("half-open", "1"),
        ("stall", "1\nlasts = '30s'"),
        ("slow-disk", "1\nlatency = 'exponential 300ms'"),
        ("full-disk", "1\nroom = '10 kB'"),
        ("failing-disk", "1\nwith = 'missing'"),
        ("mend-disk", "1"),
        ("clock", "1\nbehind = '30 days'"),
        ("firewall", "1"),
        ("nat", "1"),
        ("open", "1"),
    ];
    let steps: Vec<String> =
        acts.iter().map(|(key, says)| format!("[[step]]\n{key} = {says}\n")).collect();
    let scenario =
        read(&[ACTS, &steps.concat()].concat()).unwrap_or_else(|wrong| panic!("{wrong}"));
    let keys: Vec<&str> = scenario.steps.iter().map(|step| step.act.key()).collect();
    assert_eq!(keys, acts.map(|(key, _)| key), "and there are no others");
    let spoofs = Misdeed::SpoofDatagrams { per_minute: 600, victim: NodeId(3) };
    assert_eq!(scenario.steps[12].act, Act::Attack(Nodes::One(1), spoofs));
    assert_eq!(scenario.steps[12].act.nodes(), [Nodes::One(1), Nodes::One(3)]);
    assert_eq!(scenario.steps[25].act, Act::Befall(Nodes::One(1), Harm::Clock(-30 * 86_400)));
    let regions = scenario.regions.expect("regions");
    assert_eq!(regions.one_way_us, [[1_000, 40_000], [60_000, 1_000]]);
    assert_eq!(regions.settled, Settled::Random { weights: vec![2, 1] });
    assert_eq!(scenario.links.datagram_reorder, 0.05);
    assert!(scenario.groups[0].nat && !scenario.groups[0].firewalled);
    let (joining, within) = (Joining::Links { links: 3 }, Duration::from_secs(10));
    assert_eq!(scenario.network, Network::Emergent { nodes: 20, joining, within });
    assert!(scenario.settings.has("one_hop_replication"));
}

#[test]
fn mistakes_in_acts_say_what_there_is() {
    for (old, new, step, said) in [
        ("", "", "kill = 1\nttl = 3", "kill has no ttl"),
        ("", "", "stall = 1\nlast = '3s'", "is it lasts?"),
        ("", "", "stall = 1", "lasts is missing"),
        ("", "", "stal = 1\nlasts = '3s'", "is it stall?"),
        ("", "", "clock = 1", "ahead = \"2 h\""),
        ("", "", "clock = 1\nahead = '1h'\nbehind = '1h'", "ahead = \"2 h\""),
        ("", "", "failing-disk = 1\nwith = 'mising'", "is it missing?"),
        ("", "", "attack = 1\nwith = 'spoof-datagram'\nrate = '1/s'", "is it spoof-datagrams?"),
        ("", "", "attack = 1\nwith = 'spoof-datagrams'\nrate = '1/s'", "needs a victim"),
        ("", "", "attack = 1\nwith = 'poison'\nvictim = 2", "poison has no victim"),
        ("", "", "attack = 1\nwith = 'forge-hits'\nvictim = 99", "there is no node 99"),
        ("", "", "swizzle-clog = '200%'", "not a part of a whole"),
        ("", "", "restart = 1\nfresh = 1", "should be true or false"),
        ("\"links\"", "\"link\"", "heal = true", "is it links?"),
        ("\"links\"", "\"host-cache\"", "heal = true", "leave known out"),
        ("[\"1ms\", \"40ms\"], ", "", "heal = true", "2 rows"),
        ("\"40ms\"", "\"far\"", "heal = true", "far is not a time"),
        ("[2, 1]", "[2]", "heal = true", "2 regions"),
        ("regions = [\"west\", \"east\"]", "", "heal = true", "name the regions first"),
        ("[2, 1]", "[2, 1]\nregion-nodes = [1, 2]", "heal = true", "not by both"),
    ] {
        let text = ACTS.replacen(old, new, 1);
        let mistake = read(&format!("{text}[[step]]\n{step}\n")).expect_err(said).to_string();
        assert!(mistake.contains(said), "{said}: {mistake}");
    }
}
