//! Who may use the interface.

use std::fs;

use filbert::api::{
    ADDRESS_FILE, Client, ClientError, Server, ServerError, ServerOptions, TOKEN_FILE,
};

use super::House;
use super::http::Request;

#[test]
fn row_26_token_host_and_origin_are_required() {
    smol::block_on(async {
        let house = House::new().await;
        let at = house.server.address();
        let data_dir = &house.servent.places().data_dir;
        let token = fs::read_to_string(data_dir.join(TOKEN_FILE)).unwrap();
        let token = token.trim();
        let good = Request::good("GET", "/api/v1/status", at, token);
        let own_origin = format!("http://{at}");

        let cases = [
            ("a good request", good.clone(), 200, ""),
            ("our own page", good.clone().header("Origin", &own_origin), 200, ""),
            ("localhost", good.clone().header("Host", "localhost"), 200, ""),
            ("no token", good.clone().without("Authorization"), 401, "unauthorized"),
            (
                "a wrong token",
                good.clone().header("Authorization", "Bearer x"),
                401,
                "unauthorized",
            ),
            (
                "a token in the address",
                Request { path: format!("/api/v1/status?token={token}"), ..good.clone() }
                    .without("Authorization"),
                401,
                "unauthorized",
            ),
            (
                "a foreign page",
                good.clone().header("Origin", "http://evil.example"),
                403,
                "forbidden",
            ),
            ("a hidden page", good.clone().header("Origin", "null"), 403, "forbidden"),
            (
                "a foreign name for us",
                good.clone().header("Host", "evil.example"),
                403,
                "forbidden",
            ),
            ("no name", good.clone().without("Host"), 403, "forbidden"),
            (
                "a foreign page without token",
                good.clone().header("Origin", "http://evil.example").without("Authorization"),
                403,
                "forbidden",
            ),
            (
                "a stranger's question",
                Request::new("GET", "/nowhere").header("Host", "localhost"),
                401,
                "unauthorized",
            ),
            (
                "a missing resource",
                Request { path: "/api/v1/nowhere".to_owned(), ..good.clone() },
                404,
                "not_found",
            ),
            (
                "another version",
                Request { path: "/api/v2/status".to_owned(), ..good.clone() },
                404,
                "not_found",
            ),
            (
                "a wrong method",
                Request { method: "PUT".to_owned(), ..good.clone() },
                405,
                "method_not_allowed",
            ),
        ];
        for (what, request, status, code) in cases {
            let answer = request.send(at);
            assert_eq!(answer.status, status, "{what}: {answer:?}");
            if status != 200 {
                assert_eq!(answer.json()["error"], code, "{what}");
                assert!(!answer.json()["message"].as_str().unwrap().is_empty(), "{what}");
                assert!(!String::from_utf8_lossy(&answer.body).contains(token), "{what}");
            }
        }
        house.close().await;
    });
}

#[test]
fn only_the_user_can_read_the_token_and_it_goes_with_the_servent() {
    smol::block_on(async {
        let house = House::new().await;
        let data_dir = house.servent.places().data_dir.clone();
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode = fs::metadata(data_dir.join(TOKEN_FILE)).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600);
        }
        let address = fs::read_to_string(data_dir.join(ADDRESS_FILE)).unwrap();
        assert_eq!(address.trim(), house.server.address().to_string());
        let client = house.client.clone();
        let token = fs::read_to_string(data_dir.join(TOKEN_FILE)).unwrap();
        assert!(!format!("{client:?} {:?}", house.server).contains(token.trim()));

        let stranger = Client::new(house.server.address(), "guessed");
        assert!(matches!(stranger.status().await, Err(ClientError::WrongToken { .. })));

        let _folder = house.close().await;
        assert!(matches!(client.status().await, Err(ClientError::Unreachable { .. })));
        let gone = Client::of_data_dir(&data_dir);
        assert!(matches!(gone, Err(ClientError::NotRunning { .. })), "{gone:?}");
    });
}

#[test]
fn it_is_not_opened_to_other_machines_by_accident() {
    smol::block_on(async {
        let house = House::new().await;
        let options =
            ServerOptions { listen: "0.0.0.0:0".parse().unwrap(), ..ServerOptions::default() };
        let refused = Server::start(house.servent.clone(), options).await;
        assert!(matches!(refused, Err(ServerError::NotLoopback(_))));
        let taken = ServerOptions { listen: house.server.address(), ..ServerOptions::default() };
        let refused = Server::start(house.servent.clone(), taken).await.unwrap_err();
        assert!(refused.to_string().contains(&house.server.address().to_string()), "{refused}");
        assert!(house.client.status().await.is_ok(), "the first one is not disturbed");
        house.close().await;
    });
}
