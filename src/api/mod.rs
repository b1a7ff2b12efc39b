//! The HTTP interface of a servent, and the client for it.
//!
//! JSON under `/api/v1`, described by `GET /api/v1/openapi.json`, for the command line, a page and
//! other programs. It listens on loopback; who can read the token in the data directory may use
//! it, and nobody else: requests from foreign pages and without the token are refused.
//!
//! [`types`] is what both sides say, [`Server`] offers it, [`Client`] asks.

mod answer;
mod auth;
pub mod client;
mod desk;
mod downloads;
mod events;
mod facts;
mod reach;
mod routes;
mod searches;
mod server;
mod sse;
mod text;
pub mod types;

pub use client::{Client, ClientError, EventStream};
pub use routes::routes;
pub use server::{Server, ServerError, ServerOptions};

/// The file in the data directory that holds the token of the running servent.
pub const TOKEN_FILE: &str = "api-token";
/// The file in the data directory that says where the running servent's interface listens.
pub const ADDRESS_FILE: &str = "api-address";
