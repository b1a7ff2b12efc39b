//! A bare HTTP client: sends exactly what a test says, also what no proper client would.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use serde_json::Value;

/// An answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) kind: String,
    /// Nothing for streams of events.
    pub(crate) body: Vec<u8>,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| {
            panic!("no JSON ({error}): {:?}", String::from_utf8_lossy(&self.body))
        })
    }
}

/// A request under construction.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: String,
}

impl Request {
    pub(crate) fn new(method: &str, path: &str) -> Request {
        let (method, path) = (method.to_owned(), path.to_owned());
        Request { method, path, headers: Vec::new(), body: String::new() }
    }

    /// One with everything that a good request has.
    pub(crate) fn good(method: &str, path: &str, to: SocketAddr, token: &str) -> Request {
        Request::new(method, path)
            .header("Host", &to.to_string())
            .header("Authorization", &format!("Bearer {token}"))
    }

    pub(crate) fn header(mut self, name: &str, value: &str) -> Request {
        self.headers.retain(|(known, _)| known != name);
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    pub(crate) fn without(mut self, name: &str) -> Request {
        self.headers.retain(|(known, _)| known != name);
        self
    }

    pub(crate) fn body(mut self, body: &str) -> Request {
        self.body = body.to_owned();
        self.header("Content-Type", "application/json")
    }

    /// Sends it and reads the head of the answer, and the body if its length is known.
    pub(crate) fn send(&self, to: SocketAddr) -> Answer {
        let mut stream = TcpStream::connect(to).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        let mut text = format!("{} {} HTTP/1.1\r\n", self.method, self.path);
        for (name, value) in &self.headers {
            text += &format!("{name}: {value}\r\n");
        }
        text += &format!("Content-Length: {}\r\n\r\n{}", self.body.len(), self.body);
        stream.write_all(text.as_bytes()).unwrap();
        read_answer(stream)
    }
}

fn read_answer(mut stream: TcpStream) -> Answer {
    let mut bytes = Vec::new();
    let mut more = [0; 4_096];
    let head_end = loop {
        if let Some(at) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            break at;
        }
        let len = stream.read(&mut more).unwrap();
        assert!(len > 0, "closed in the head: {:?}", String::from_utf8_lossy(&bytes));
        bytes.extend_from_slice(&more[..len]);
    };
    let mut body = bytes.split_off(head_end + 4);
    let head = String::from_utf8(bytes).unwrap();
    let value = |name: &str| {
        let lines = head.lines().filter_map(|line| line.split_once(": "));
        let mut values = lines.filter(|(known, _)| known.eq_ignore_ascii_case(name));
        values.next().map(|(_, value)| value.trim().to_owned())
    };
    let len: usize = value("content-length").map_or(0, |len| len.parse().unwrap());
    while body.len() < len {
        let more_len = stream.read(&mut more).unwrap();
        assert!(more_len > 0, "closed in the body");
        body.extend_from_slice(&more[..more_len]);
    }
    body.truncate(len);
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    Answer { status, kind: value("content-type").unwrap_or_default(), body }
}
