//! Every resource: its path, its methods, what they do.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::extract::{DefaultBodyLimit, Path, Query, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, delete, get, post, put};
use axum::{Json, Router};
use hyper::StatusCode;
use hyper::body::Bytes;
use hyper::header::CONTENT_TYPE;
use serde::Deserialize;
use smol::stream;

use super::answer::Refusal;
use super::desk::Desk;
use super::events::{Feed, frame, lock, respond};
use super::facts;
use super::searches::request_of;
use super::types::{
    BASE, Block, Conditions, Counters, Download, Event, FileRequest, FileResult, Folder, Host,
    NewDownload, NewSearch, Passages, Peer, ResultNumber, Search, SearchPage, Settings, Shares,
    Status, Upload, What,
};
use crate::node::Command;
use crate::node::io::{DownloadId, DownloadRequest, SearchId};
use crate::servent;

/// Bytes of a request's body at most.
const BODY_BYTES_MAX: usize = 256 << 10;
/// The description of the interface.
const OPENAPI: &str = include_str!("openapi.json");

type Desked = State<Arc<Desk>>;
type Answer<T> = Result<Json<T>, Refusal>;
type Done = Result<StatusCode, Refusal>;

/// Every route: method, path below [`BASE`], handler. `openapi.json` describes the same, and a
/// test compares them.
fn table() -> Vec<(&'static str, &'static str, MethodRouter<Arc<Desk>>)> {
    vec![
        ("GET", "/openapi.json", get(openapi)),
        ("GET", "/status", get(status)),
        ("GET", "/peers", get(peers)),
        ("POST", "/peers", post(connect)),
        ("DELETE", "/peers", delete(disconnect)),
        ("GET", "/blocks", get(blocks)),
        ("POST", "/blocks", post(block)),
        ("DELETE", "/blocks", delete(unblock)),
        ("GET", "/searches", get(searches)),
        ("POST", "/searches", post(search)),
        ("GET", "/searches/{id}", get(search_page)),
        ("DELETE", "/searches/{id}", delete(stop_search)),
        ("GET", "/searches/{id}/events", get(search_events)),
        ("GET", "/results/{number}", get(result)),
        ("POST", "/browse", post(browse)),
        ("GET", "/downloads", get(downloads)),
        ("POST", "/downloads", post(download)),
        ("GET", "/downloads/{id}", get(download_state)),
        ("DELETE", "/downloads/{id}", delete(cancel)),
        ("GET", "/downloads/{id}/events", get(download_events)),
        ("GET", "/uploads", get(uploads)),
        ("GET", "/shares", get(shares)),
        ("POST", "/shares", post(share)),
        ("POST", "/shares/rescan", post(rescan)),
        ("GET", "/counters", get(counters)),
        ("GET", "/passages", get(passages)),
        ("GET", "/config", get(config)),
        ("GET", "/conditions", get(conditions)),
        ("PUT", "/conditions", put(set_conditions)),
        ("GET", "/events", get(events)),
        ("POST", "/shutdown", post(shutdown)),
    ]
}

/// Method and path below [`BASE`] of every route.
pub fn routes() -> Vec<(&'static str, &'static str)> {
    table().into_iter().map(|(method, path, _)| (method, path)).collect()
}

pub(super) fn router(desk: Arc<Desk>) -> Router {
    let below = table()
        .into_iter()
        .fold(Router::new(), |router, (_, path, handler)| router.route(path, handler));
    Router::new().nest(BASE, below).layer(DefaultBodyLimit::max(BODY_BYTES_MAX)).with_state(desk)
}

async fn openapi() -> impl IntoResponse {
    ([(CONTENT_TYPE, "application/json")], OPENAPI)
}

async fn status(State(desk): Desked) -> Answer<Status> {
    let view = desk.servent.view().await?;
    let mut status = facts::status(&view, &desk.servent, desk.began);
    status.searches = count(lock(&desk.searches).running());
    status.downloads = count(lock(&desk.downloads).running());
    Ok(Json(status))
}

async fn peers(State(desk): Desked) -> Answer<Vec<Peer>> {
    Ok(Json(facts::peers(&*desk.servent.view().await?, desk.began)))
}

async fn connect(State(desk): Desked, Json(Host { host }): Json<Host>) -> Done {
    desk.servent.connect(&host).await?;
    Ok(StatusCode::ACCEPTED)
}

async fn disconnect(State(desk): Desked, Json(Host { host }): Json<Host>) -> Done {
    let peer = host.parse::<servent::Host>()?.resolve().await?;
    if !facts::peers(&*desk.servent.view().await?, desk.began)
        .iter()
        .any(|known| known.address == peer)
    {
        return Err(Refusal::not_found(format!("{peer} is not a neighbour")));
    }
    desk.servent.command(Command::Disconnect { peer }).await?;
    Ok(StatusCode::ACCEPTED)
}

async fn blocks(State(desk): Desked) -> Answer<Vec<Block>> {
    Ok(Json(facts::blocks(&*desk.servent.view().await?)))
}

async fn block(State(desk): Desked, Json(Block { network }): Json<Block>) -> Done {
    desk.servent.block(&network).await?;
    Ok(StatusCode::ACCEPTED)
}

async fn unblock(State(desk): Desked, Json(Block { network }): Json<Block>) -> Done {
    desk.servent.unblock(&network).await?;
    Ok(StatusCode::ACCEPTED)
}

async fn searches(State(desk): Desked) -> Json<Vec<Search>> {
    desk.look_at_searches().await;
    Json(lock(&desk.searches).all())
}

async fn search(
    State(desk): Desked,
    Json(query): Json<NewSearch>,
) -> Result<(StatusCode, Json<Search>), Refusal> {
    if query.text.trim().is_empty() && query.sha1.is_none() && !query.whats_new {
        return Err(Refusal::bad("a search needs words, a hash or whats_new"));
    }
    if query.strategy.is_some_and(|strategy| strategy.is_for_laboratories()) {
        return Err(Refusal::bad(
            "the strategy is dynamic or flood: others are for simulated worlds",
        ));
    }
    let id = desk.servent.new_search();
    let command = Command::Search { search: id, query: query.clone().into() };
    let search = desk.begin_search(id, command, query).await?;
    Ok((StatusCode::CREATED, Json(search)))
}

async fn browse(
    State(desk): Desked,
    Json(Host { host }): Json<Host>,
) -> Result<(StatusCode, Json<Search>), Refusal> {
    let host: SocketAddr = host.parse::<servent::Host>()?.resolve().await?;
    let id = desk.servent.new_search();
    let command = Command::Browse { search: id, host };
    let search = desk.begin_search(id, command, NewSearch::default()).await?;
    Ok((StatusCode::CREATED, Json(search)))
}

/// Which results of a search are wanted.
#[derive(Deserialize)]
struct After {
    /// Those that changed after this revision.
    #[serde(default)]
    after: u64,
}

async fn search_page(
    State(desk): Desked,
    Path(id): Path<String>,
    Query(After { after }): Query<After>,
) -> Answer<SearchPage> {
    desk.look_at_searches().await;
    let page = number(&id).and_then(|id| lock(&desk.searches).page(id, after));
    page.map(Json).ok_or_else(|| no_search(&id))
}

async fn stop_search(State(desk): Desked, Path(id): Path<String>) -> Done {
    let page = number(&id).and_then(|id| lock(&desk.searches).page(id, u64::MAX));
    let search = page.ok_or_else(|| no_search(&id))?.search;
    if search.ended.is_none() {
        desk.servent.command(Command::StopSearch { search: SearchId(search.id) }).await?;
    }
    Ok(StatusCode::ACCEPTED)
}

async fn search_events(
    State(desk): Desked,
    Path(id): Path<String>,
    Query(After { after }): Query<After>,
) -> Result<Response, Refusal> {
    let page = number(&id).and_then(|id| lock(&desk.searches).page(id, u64::MAX));
    let id = page.ok_or_else(|| no_search(&id))?.search.id;
    Ok(respond(stream::unfold(Some((desk, after)), move |state| async move {
        let (desk, after) = state?;
        loop {
            let rings = desk.changed.count();
            let closed = desk.is_closed();
            // A search that made room for newer ones has nothing more to tell.
            let SearchPage { search, results } = lock(&desk.searches).page(id, after)?;
            let revision = search.revision;
            let mut bytes = Vec::new();
            results
                .into_iter()
                .for_each(|one| bytes.extend_from_slice(&frame(&Event::Result(one))));
            let last = if search.ended.is_some() {
                Some(Event::SearchEnded(search))
            } else {
                closed.then_some(Event::Stopping)
            };
            if let Some(last) = last {
                bytes.extend_from_slice(&frame(&last));
                return Some((Bytes::from(bytes), None));
            }
            if !bytes.is_empty() {
                return Some((Bytes::from(bytes), Some((desk, revision))));
            }
            desk.changed.rings_after(rings).await;
        }
    })))
}

/// Which search's result is wanted.
#[derive(Deserialize)]
struct Of {
    /// The last one's if not given.
    search: Option<u64>,
}

async fn result(
    State(desk): Desked,
    Path(text): Path<String>,
    Query(Of { search }): Query<Of>,
) -> Answer<FileResult> {
    let number = number(&text).and_then(|number| u32::try_from(number).ok());
    let number = number.ok_or_else(|| Refusal::not_found(format!("{text} is no number")))?;
    find(&desk, ResultNumber { number, search }).map(Json)
}

fn find(desk: &Desk, which: ResultNumber) -> Result<FileResult, Refusal> {
    let searches = lock(&desk.searches);
    if let Some(result) = searches.result(which) {
        return Ok(result.clone());
    }
    Err(Refusal::not_found(match (which.search, searches.last()) {
        (Some(id), _) => format!("search {id} has no result {}", which.number),
        (None, None) => "there has been no search yet".to_owned(),
        (None, Some(page)) => format!(
            "there is no result {}: the last search has {} results",
            which.number, page.search.results
        ),
    }))
}

async fn downloads(State(desk): Desked) -> Json<Vec<Download>> {
    Json(lock(&desk.downloads).all())
}

async fn download(
    State(desk): Desked,
    Json(NewDownload { what, name }): Json<NewDownload>,
) -> Result<(StatusCode, Json<Download>), Refusal> {
    let mut request = match what {
        What::Magnet(text) | What::Urn(text) => servent::want(&text).await?,
        What::Result(which) => download_request(request_of(&find(&desk, which)?)),
        What::Request(request) => download_request(request),
    };
    if let Some(name) = name {
        request.name = name;
    }
    if request.sha1.is_none() && request.sources.is_empty() {
        return Err(Refusal::bad("a download needs a hash or a source"));
    }
    let (download, is_new) = desk.begin_download(request).await?;
    Ok((if is_new { StatusCode::CREATED } else { StatusCode::OK }, Json(download)))
}

fn download_request(request: FileRequest) -> DownloadRequest {
    let FileRequest { name, size, sha1, sources } = request;
    DownloadRequest { name, size, sha1, sources: sources.into_iter().map(Into::into).collect() }
}

async fn download_state(State(desk): Desked, Path(id): Path<String>) -> Answer<Download> {
    known_download(&desk, &id).map(Json)
}

async fn cancel(State(desk): Desked, Path(id): Path<String>) -> Done {
    let download = known_download(&desk, &id)?;
    if !download.is_over() {
        desk.servent.cancel(DownloadId(download.id)).await?;
    }
    Ok(StatusCode::ACCEPTED)
}

async fn download_events(State(desk): Desked, Path(id): Path<String>) -> Result<Response, Refusal> {
    let id = known_download(&desk, &id)?.id;
    let begun: Option<(Arc<Desk>, Option<Download>)> = Some((desk, None));
    Ok(respond(stream::unfold(begun, move |state| async move {
        let (desk, told) = state?;
        loop {
            let rings = desk.changed.count();
            let closed = desk.is_closed();
            let stands = lock(&desk.downloads).get(id).cloned()?;
            if told.as_ref() != Some(&stands) {
                let bytes = frame(&Event::Download(stands.clone()));
                let next = (!stands.is_over()).then_some((desk, Some(stands)));
                return Some((bytes, next));
            }
            if closed {
                return Some((frame(&Event::Stopping), None));
            }
            desk.changed.rings_after(rings).await;
        }
    })))
}

fn known_download(desk: &Desk, id: &str) -> Result<Download, Refusal> {
    let known = number(id).and_then(|id| lock(&desk.downloads).get(id).cloned());
    known.ok_or_else(|| Refusal::not_found(format!("there is no download {id}")))
}

async fn uploads(State(desk): Desked) -> Answer<Vec<Upload>> {
    Ok(Json(facts::uploads(&*desk.servent.view().await?)))
}

async fn shares(State(desk): Desked) -> Json<Shares> {
    Json(facts::shares(&desk.servent))
}

async fn share(State(desk): Desked, Json(Folder { folder }): Json<Folder>) -> Done {
    desk.servent.share(folder.as_ref()).await?;
    Ok(StatusCode::ACCEPTED)
}

async fn rescan(State(desk): Desked) -> Done {
    desk.servent.rescan().await?;
    Ok(StatusCode::ACCEPTED)
}

async fn counters(State(desk): Desked) -> Answer<Counters> {
    Ok(Json(facts::counters(&*desk.servent.view().await?)))
}

/// Which query's passages are wanted.
#[derive(Deserialize)]
struct OfQuery {
    /// All if not given.
    query: Option<String>,
}

async fn passages(
    State(desk): Desked,
    Query(OfQuery { query }): Query<OfQuery>,
) -> Answer<Passages> {
    let query = query.map(|text| text.parse()).transpose();
    let query = query
        .map_err(|_| Refusal::bad("a query is named by the 32 hexadecimal digits of its GUID"))?;
    Ok(Json(facts::passages(&desk.servent.passages(query).await?)))
}

async fn config(State(desk): Desked) -> Json<Settings> {
    Json(facts::settings(&desk.servent))
}

async fn conditions(State(desk): Desked) -> Json<Conditions> {
    Json(desk.servent.conditions())
}

async fn set_conditions(
    State(desk): Desked,
    Json(conditions): Json<Conditions>,
) -> Answer<Conditions> {
    desk.servent.set_conditions(conditions).await?;
    Ok(Json(desk.servent.conditions()))
}

async fn events(State(desk): Desked) -> Response {
    Feed::response(Arc::clone(&desk.feed))
}

async fn shutdown(State(desk): Desked) -> StatusCode {
    desk.want_shutdown();
    StatusCode::ACCEPTED
}

fn no_search(id: &str) -> Refusal {
    Refusal::not_found(format!("there is no search {id}, or it made room for newer ones"))
}

fn number(text: &str) -> Option<u64> {
    text.parse().ok()
}

fn count(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}
