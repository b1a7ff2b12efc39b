//! The description of the interface against the interface: every route is described, and answers
//! as described, in success and in failure.

use std::collections::BTreeSet;
use std::net::SocketAddr;

use filbert::api::types::{NewSearch, Status};
use filbert::api::{TOKEN_FILE, routes};
use serde_json::{Value, json};

use super::http::{Answer, Request};
use super::schema::{faults, resolve};
use super::{House, eventually};

const HASH: &str = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

/// The description, and the server that it describes.
struct Described {
    openapi: Value,
    at: SocketAddr,
    token: String,
    /// Method, path and status of all that was tried.
    tried: BTreeSet<(String, String, u16)>,
}

impl Described {
    /// Sends a request to the route with this path, with these values in place of its parameters.
    fn call(&mut self, method: &str, path: &str, values: &str, body: Option<&Value>) -> Answer {
        let whole = format!("/api/v1{}", fill(path, values));
        let mut request = Request::good(method, &whole, self.at, &self.token);
        if let Some(body) = body {
            request = request.body(&body.to_string());
        }
        self.send(method, path, &request)
    }

    /// Sends a request and holds the answer against the description.
    fn send(&mut self, method: &str, path: &str, request: &Request) -> Answer {
        let answer = request.send(self.at);
        let what = format!("{method} {path} ({})", answer.status);
        let described = &self.openapi["paths"][path][method.to_lowercase()]["responses"];
        let described = &described[answer.status.to_string()];
        assert!(described.is_object(), "{what} is not described: {answer:?}");
        let content = &resolve(&self.openapi, described)["content"];
        match content.as_object() {
            None => assert!(answer.body.is_empty(), "{what} says more than described"),
            Some(kinds) => {
                let kind = kinds.keys().next().unwrap();
                assert_eq!(&answer.kind, kind, "{what}");
                if kind == "application/json" {
                    let value = answer.json();
                    let faults = faults(&self.openapi, &content[kind]["schema"], &value);
                    assert!(faults.is_empty(), "{what}: {faults:#?}\n{value:#}");
                }
            }
        }
        self.tried.insert((method.to_owned(), path.to_owned(), answer.status));
        answer
    }
}

/// `/searches/{id}` with its parameter in place, and with the question behind it; of a path without
/// parameters the question alone.
fn fill(path: &str, values: &str) -> String {
    match path.split_once('{') {
        Some((before, rest)) => {
            let (value, question) = values.split_once('?').unwrap_or((values, ""));
            let after = rest.split_once('}').unwrap().1;
            let question = if question.is_empty() { "" } else { &format!("?{question}") };
            format!("{before}{value}{after}{question}")
        }
        None if values.starts_with('?') => format!("{path}{values}"),
        None => path.to_owned(),
    }
}

#[test]
fn the_interface_is_as_described() {
    smol::block_on(async {
        let sharer = House::sharing(&[("red apple.txt", b"round")]).await;
        let house = House::new().await;
        house.befriend(&sharer).await;
        let at = house.server.address();
        let token = std::fs::read_to_string(house.servent.places().data_dir.join(TOKEN_FILE));
        let token = token.unwrap().trim().to_owned();
        let openapi = Request::good("GET", "/api/v1/openapi.json", at, &token).send(at).json();
        assert_eq!(openapi["servers"][0]["url"], filbert::api::types::BASE);
        let mut all = Described { openapi, at, token, tried: BTreeSet::new() };
        same_routes(&all.openapi);

        let Status { listen, .. } = sharer.client.status().await.unwrap();
        let query = NewSearch { text: "apple".to_owned(), ..NewSearch::default() };
        house.client.search(&query).await.unwrap();
        eventually("it is found", async || house.client.result(1).await.is_ok()).await;
        successes(&mut all, listen);
        failures(&mut all);
        refusals(&mut all);
        all.call("POST", "/shutdown", "", None);
        house.server.shutdown_wanted().await;
        house.servent.stop().await;
        // While it leaves it says so.
        all.call("GET", "/status", "", None);

        let untried: Vec<_> =
            described_statuses(&all.openapi).difference(&all.tried).cloned().collect();
        assert!(untried.is_empty(), "described, but no request gets it: {untried:#?}");
        house.close().await;
        sharer.close().await;
    });
}

fn same_routes(openapi: &Value) {
    let described: BTreeSet<(String, String)> = openapi["paths"]
        .as_object()
        .unwrap()
        .iter()
        .flat_map(|(path, methods)| {
            let methods = methods.as_object().unwrap().keys();
            methods.map(|method| (method.to_uppercase(), path.clone()))
        })
        .collect();
    let own = |(method, path): (&str, &str)| (method.to_owned(), path.to_owned());
    let routed: BTreeSet<_> = routes().into_iter().map(own).collect();
    assert_eq!(described, routed);
}

/// What each route must be seen to answer: its successes, and what it says of missing things and
/// unknown hosts. The refusals that all have in common are tried on some.
fn described_statuses(openapi: &Value) -> BTreeSet<(String, String, u16)> {
    let mut all = BTreeSet::new();
    for (path, methods) in openapi["paths"].as_object().unwrap() {
        for (method, described) in methods.as_object().unwrap() {
            for status in described["responses"].as_object().unwrap().keys() {
                let status: u16 = status.parse().unwrap();
                if status < 300 || [400, 404, 502].contains(&status) {
                    all.insert((method.to_uppercase(), path.clone(), status));
                }
            }
        }
    }
    all
}

/// Every route with a request that it obeys.
fn successes(all: &mut Described, sharer: SocketAddr) {
    for path in [
        "/openapi.json",
        "/status",
        "/peers",
        "/searches",
        "/counters",
        "/passages",
        "/config",
        "/conditions",
        "/events",
    ] {
        assert_eq!(all.call("GET", path, "", None).status, 200);
    }
    let host = json!({"host": sharer.to_string()});
    all.call("POST", "/peers", "", Some(&host));
    let browse = all.call("POST", "/browse", "", Some(&host)).json();
    all.call("GET", "/searches/{id}", &format!("{}?after=0", browse["id"]), None);
    let slow = json!({
        "latency_us": 500, "latencies": [{"network": "10.0.0.0/8", "latency_us": 9}],
        "rate_bytes_s": 1_000_000, "silent": ["10.1.2.3"], "datagram_loss": 0.5, "firewalled": false,
    });
    let set = all.call("PUT", "/conditions", "", Some(&slow));
    assert_eq!((set.status, &set.json()["silent"][0]), (200, &json!("10.1.2.3")));
    assert_eq!(all.call("GET", "/conditions", "", None).json(), set.json());
    assert_eq!(all.call("PUT", "/conditions", "", Some(&json!({}))).status, 200);
    let block = json!({"network": "10.0.0.0/8"});
    all.call("POST", "/blocks", "", Some(&block));
    all.call("GET", "/blocks", "", None);
    all.call("DELETE", "/blocks", "", Some(&block));

    let everything = json!({
        "text": "green apple", "sha1": HASH, "ttl": 2, "results_max": 3, "size_min": 1,
        "size_max": 9, "extensions": ["txt"], "without": ["pear"], "strategy": "flood",
    });
    let search = all.call("POST", "/searches", "", Some(&everything)).json();
    let id = search["id"].to_string();
    all.call("GET", "/searches/{id}", &id, None);
    all.call("GET", "/searches/{id}/events", &id, None);
    all.call("DELETE", "/searches/{id}", &id, None);
    all.call("GET", "/results/{number}", "1?search=1", None);

    let by_number = json!({"result": {"number": 1, "search": 1}, "name": "mine.txt"});
    let download = all.call("POST", "/downloads", "", Some(&by_number)).json();
    let id = download["id"].to_string();
    all.call("GET", "/downloads/{id}", &id, None);
    all.call("GET", "/downloads/{id}/events", &id, None);
    let nowhere = json!({"urn": format!("urn:sha1:{HASH}")});
    let waiting = all.call("POST", "/downloads", "", Some(&nowhere));
    let same = all.call("POST", "/downloads", "", Some(&nowhere));
    assert_eq!((waiting.status, same.status), (201, 200));
    all.call("GET", "/downloads", "", None);
    all.call("DELETE", "/downloads/{id}", &waiting.json()["id"].to_string(), None);

    all.call("GET", "/uploads", "", None);
    let folder = json!({"folder": env!("CARGO_MANIFEST_DIR").to_owned() + "/tests/golden"});
    all.call("POST", "/shares", "", Some(&folder));
    all.call("POST", "/shares/rescan", "", None);
    all.call("GET", "/shares", "", None);
    all.call("DELETE", "/peers", "", Some(&host));
}

/// Requests for what is not there, and requests that say nothing.
fn failures(all: &mut Described) {
    let nowhere = json!({"folder": "/no/such/folder"});
    assert_eq!(all.call("POST", "/shares", "", Some(&nowhere)).status, 400);
    for values in ["999", "0", "-1", "x"] {
        for path in
            ["/searches/{id}", "/searches/{id}/events", "/downloads/{id}", "/downloads/{id}/events"]
        {
            assert_eq!(all.call("GET", path, values, None).status, 404);
        }
        for path in ["/searches/{id}", "/downloads/{id}"] {
            assert_eq!(all.call("DELETE", path, values, None).status, 404);
        }
        assert_eq!(all.call("GET", "/results/{number}", values, None).status, 404);
    }
    for (path, values) in [
        ("/searches/{id}", "1?after=x"),
        ("/searches/{id}/events", "1?after=-1"),
        ("/results/{number}", "1?search=x"),
        ("/passages", "?query=x"),
    ] {
        assert_eq!(all.call("GET", path, values, None).status, 400, "{path}");
    }
    let stranger = json!({"host": "127.0.0.1:9"});
    assert_eq!(all.call("DELETE", "/peers", "", Some(&stranger)).status, 404);
    let missing = json!({"result": {"number": 77}});
    assert_eq!(all.call("POST", "/downloads", "", Some(&missing)).status, 404);
    let nameless = json!({"host": "a..b:1"});
    for (method, path) in [("DELETE", "/peers"), ("POST", "/browse")] {
        assert_eq!(all.call(method, path, "", Some(&nameless)).status, 502, "{path}");
    }
    let bad = [
        ("POST", "/peers", json!({"host": ":"})),
        ("DELETE", "/peers", json!({"host": "a:0"})),
        ("POST", "/browse", json!({"host": ""})),
        ("POST", "/blocks", json!({"network": "10.0.0.0/33"})),
        ("DELETE", "/blocks", json!({"network": "here"})),
        ("PUT", "/conditions", json!({"datagram_loss": 1.5})),
        ("POST", "/searches", json!({"text": " "})),
        ("POST", "/searches", json!({"text": "a", "strategy": "expanding-ring"})),
        ("POST", "/searches", json!({"text": "a", "strategy": {"walkers": {"walkers": 16}}})),
        ("POST", "/downloads", json!({"magnet": "magnet:?dn=only+a+name"})),
        ("POST", "/downloads", json!({"request": {"name": "x"}})),
    ];
    for (method, path, body) in bad {
        assert_eq!(all.call(method, path, "", Some(&body)).status, 400, "{path} {body}");
    }
}

/// What every route refuses in the same way.
fn refusals(all: &mut Described) {
    for (method, path) in routes() {
        let whole = format!("/api/v1{}", fill(path, "1"));
        let good = Request::good(method, &whole, all.at, &all.token);
        let nobody = good.clone().without("Authorization");
        assert_eq!(all.send(method, path, &nobody).status, 401);
        let foreign = good.clone().header("Origin", "http://evil.example");
        assert_eq!(all.send(method, path, &foreign).status, 403);
        let has_body = all.openapi["paths"][path][method.to_lowercase()]["requestBody"].is_object();
        if !has_body {
            continue;
        }
        let cases = [
            (good.clone().body("{"), 400),
            (good.clone().body("{}").header("Content-Type", "text/plain"), 415),
            (good.clone().body("[[1]]"), 422),
            (good.clone().body(&format!("{{\"text\":\"{}\"}}", "x".repeat(300_000))), 413),
        ];
        for (request, status) in cases {
            assert_eq!(all.send(method, path, &request).status, status, "{method} {path}");
        }
    }
}
