//! The handle that an application holds: start a servent, search, download, watch, stop.
//!
//! ```no_run
//! use filbert::servent::{Options, SearchQuery, Servent};
//! use smol::stream::StreamExt;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! smol::block_on(async {
//!     let connect = vec!["192.0.2.7:6346".to_owned()];
//!     let servent = Servent::start(Options { connect, ..Options::default() }).await?;
//!     let query = SearchQuery { text: "annual report".to_owned(), ..SearchQuery::default() };
//!     let mut hits = servent.search(query).await?;
//!     while let Some(hit) = hits.next().await {
//!         println!("{:?}, {} bytes, at {}", hit.name, hit.size, hit.source.address);
//!     }
//!     servent.stop().await;
//!     Ok(())
//! })
//! # }
//! ```
//!
//! All that is handed out are futures and streams that any executor can run: nothing here asks
//! who polls it.

mod bootstrap;
mod downloading;
mod hits;
mod options;
mod place;
mod rein;
mod run;
mod want;

use std::fmt;
use std::future::Future;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

pub use self::bootstrap::SourceError;
pub use self::downloading::{DownloadError, Downloading};
pub use self::hits::Hits;
pub use self::options::Options;
pub use self::place::{Host, Network, NoNetwork, PORT_DEFAULT, PlaceError};
pub use self::run::StartError;
pub use self::want::{WantError, want};
pub use crate::driver::conditions::{Conditions, ConditionsError, Latency};
pub use crate::driver::shares::SharesView;
pub use crate::driver::{Divergence, ReplayError, ReplayReport, replay};
pub use crate::driver::{Heard, Stopped, Subscription as Events};
pub use crate::library::FileKind;
pub use crate::node::config::Strategy;
pub use crate::node::io::{
    DownloadId, DownloadRequest, DownloadState, Hit, HostSource, Mapped, MappingFailure,
    MappingMethod, Progress, SearchEnd, SearchId, SearchQuery, Source, SourceState, SourceView,
};
pub use crate::node::passages::{Fate, Passage, PassagesView};
pub use crate::node::transfer::{DownloadView, TransfersView, UploadView};
pub use crate::node::view::{
    Because, DoorView, Dropped, MappingView, Neighbour, Openness, ReachView, SearchView,
};
pub use crate::node::{Command, Config, Event, Relation, Tier, View, Why};
pub use crate::wire::{Guid, Sha1};

use self::rein::{Hold, Rein};
use crate::driver::Handle;
use crate::library::words;

/// A view is a tenth of a second old at most: after this it shows what was before now.
pub(crate) const VIEW_SETTLES: Duration = Duration::from_millis(200);

/// A running servent. Clones are handles of the same one; when the last is dropped without
/// [`Servent::stop`], it says Bye and ends by itself, in the background.
#[derive(Clone)]
pub struct Servent(Arc<Running>);

struct Running {
    node: Handle,
    config: Config,
    places: Places,
    /// The folders that are shared, those that came later included.
    shared: Mutex<Vec<PathBuf>>,
    rein: Arc<Rein>,
    searches: AtomicU64,
    downloads: AtomicU64,
    end: run::End,
}

/// Where a servent keeps what.
#[derive(Clone, Debug)]
pub struct Places {
    /// Hosts, hashes and unfinished downloads.
    pub data_dir: PathBuf,
    /// Finished downloads.
    pub download_dir: PathBuf,
    /// The folders that were shared from the start.
    pub shares: Vec<PathBuf>,
}

impl Servent {
    /// Starts a servent: when this is done it listens. What stands in the way (a port in use, a
    /// folder that is missing, a data directory that another servent uses) is one error that
    /// names it.
    pub async fn start(options: Options) -> Result<Servent, StartError> {
        let hosts =
            options.connect.iter().map(|text| text.parse()).collect::<Result<Vec<_>, _>>()?;
        let sources = bootstrap::sources(&options.bootstrap, options.listen)?;
        let run::Started { node, config, places, rein, end } = run::start(options).await?;
        let first_download = run::first_free_download(&node).await?;
        let servent = Servent(Arc::new(Running {
            node,
            config,
            shared: Mutex::new(places.shares.clone()),
            places,
            rein,
            searches: AtomicU64::new(1),
            downloads: AtomicU64::new(first_download),
            end,
        }));
        for host in hosts {
            servent.connect_to(host).await?;
        }
        if !sources.is_empty() {
            servent.command(Command::Bootstrap(sources)).await?;
        }
        Ok(servent)
    }

    /// Where it listens, with the port that the system chose if that was left to it.
    pub fn listen(&self) -> SocketAddr {
        self.0.node.listen()
    }

    /// Where it keeps what.
    pub fn places(&self) -> &Places {
        &self.0.places
    }

    /// The limits, durations and choices in effect.
    pub fn config(&self) -> &Config {
        &self.0.config
    }

    /// Searches the network.
    pub async fn search(&self, query: SearchQuery) -> Result<Hits, Stopped> {
        let search = self.new_search();
        self.hits_of(search, Command::Search { search, query }).await
    }

    /// Asks one host (`HOST:PORT`) for all that it shares.
    pub async fn browse(&self, host: &str) -> Result<Hits, CallError> {
        let host = host.parse::<Host>()?.resolve().await?;
        let search = self.new_search();
        Ok(self.hits_of(search, Command::Browse { search, host }).await?)
    }

    async fn hits_of(&self, search: SearchId, command: Command) -> Result<Hits, Stopped> {
        let hits = Hits::new(search, self.0.node.clone(), self.events());
        self.command(command).await?;
        Ok(hits)
    }

    /// Downloads a file: a hit (`hit.into()`), or what [`want`] makes of a magnet or URN.
    pub async fn download(&self, request: DownloadRequest) -> Result<Downloading, Stopped> {
        let download = self.new_download();
        let downloading = Downloading::new(download, self.0.node.clone(), self.events());
        self.command(Command::Download { download, request }).await?;
        Ok(downloading)
    }

    /// Gives a download up and removes its partial file.
    pub async fn cancel(&self, download: DownloadId) -> Result<(), Stopped> {
        self.command(Command::CancelDownload { download }).await
    }

    /// Connects to a host (`HOST:PORT`) as a neighbour. Whether that works, events say.
    pub async fn connect(&self, host: &str) -> Result<(), CallError> {
        Ok(self.connect_to(host.parse()?).await?)
    }

    async fn connect_to(&self, host: Host) -> Result<(), Stopped> {
        self.command(Command::Connect { host: host.name, port: host.port }).await
    }

    /// Says Bye to a neighbour (`HOST:PORT`).
    pub async fn disconnect(&self, host: &str) -> Result<(), CallError> {
        let peer = host.parse::<Host>()?.resolve().await?;
        Ok(self.command(Command::Disconnect { peer }).await?)
    }

    /// Never talks to these addresses (`ADDRESS` or `ADDRESS/BITS`) again.
    pub async fn block(&self, network: &str) -> Result<(), CallError> {
        let Network { address, prefix_len } = network.parse().map_err(PlaceError::from)?;
        Ok(self.command(Command::Block { network: address, prefix_len }).await?)
    }

    /// Talks to them again.
    pub async fn unblock(&self, network: &str) -> Result<(), CallError> {
        let Network { address, prefix_len } = network.parse().map_err(PlaceError::from)?;
        Ok(self.command(Command::Unblock { network: address, prefix_len }).await?)
    }

    /// What the links are like; by default nothing is in the way.
    pub fn conditions(&self) -> Conditions {
        self.0.node.conditions()
    }

    /// Makes the links of a servent in a laboratory slow, lossy or silent, or puts it behind a
    /// firewall. When this is done, they are so.
    pub async fn set_conditions(&self, conditions: Conditions) -> Result<(), ConditionsError> {
        self.0.node.set_conditions(conditions).await
    }

    /// Shares one more folder, until it ends. When this returns it is being looked through, and
    /// [`Servent::shares`] says how far that is.
    pub async fn share(&self, folder: &Path) -> Result<(), ShareError> {
        let folder = folder.to_owned();
        let folder = smol::unblock(move || run::shared(&folder)).await?;
        self.0.node.share(folder.clone()).await?;
        let mut shared = self.0.shared.lock().unwrap_or_else(PoisonError::into_inner);
        if !shared.contains(&folder) {
            shared.push(folder);
        }
        Ok(())
    }

    /// The folders that are shared now.
    pub fn shared_folders(&self) -> Vec<PathBuf> {
        self.0.shared.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Looks for changes in the shared folders.
    pub async fn rescan(&self) -> Result<(), Stopped> {
        self.0.node.rescan().await
    }

    /// How many files are shared, and how far their hashing is.
    pub fn shares(&self) -> SharesView {
        self.0.node.shares()
    }

    /// How things stand, at most a tenth of a second old.
    pub async fn view(&self) -> Result<Arc<View>, Stopped> {
        if self.0.end.is_over() { Err(Stopped) } else { self.0.node.view().await }
    }

    /// What became of the copies of a query and its hits here, or of those of all queries, as far
    /// as `Config::passages_max` lets note be taken.
    pub async fn passages(&self, query: Option<Guid>) -> Result<PassagesView, Stopped> {
        if self.0.end.is_over() { Err(Stopped) } else { self.0.node.passages(query).await }
    }

    /// All that happens from now on. Who does not take it in time misses the oldest.
    pub fn events(&self) -> Events {
        self.0.node.events()
    }

    /// A name for a search that nobody has yet, for [`Servent::command`].
    pub fn new_search(&self) -> SearchId {
        SearchId(self.0.searches.fetch_add(1, Ordering::Relaxed))
    }

    /// A name for a download that nobody has yet, for [`Servent::command`].
    pub fn new_download(&self) -> DownloadId {
        DownloadId(self.0.downloads.fetch_add(1, Ordering::Relaxed))
    }

    /// Tells the node what is wanted; what comes of it, events say. The other calls are made of
    /// this one.
    pub async fn command(&self, command: Command) -> Result<(), Stopped> {
        self.0.node.command(command).await
    }

    /// Ends it at once, as if its process were killed: no Bye, nothing saved. Returns when all its
    /// sockets and files are closed.
    pub async fn kill(&self) {
        self.0.rein.hold(Hold::Killed);
        self.0.end.wait().await;
    }

    /// Makes it stand still, or go on: while it stands still it neither reads nor writes nor says
    /// anything, and its links stay half-open, as those of a process that is stopped (SIGSTOP).
    pub fn stand_still(&self, still: bool) {
        self.0.rein.hold(if still { Hold::Still } else { Hold::None });
    }

    /// Says Bye to the neighbours, saves what is to be remembered, and waits until all is done.
    /// May be called again, and by several.
    pub async fn stop(&self) {
        // Stopped already: then only its end is to be waited for.
        let _ = self.command(Command::Shutdown).await;
        self.0.end.wait().await;
    }
}

impl fmt::Debug for Servent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Servent")
            .field("listen", &self.listen())
            .field("places", &self.0.places)
            .finish_non_exhaustive()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        tell_now(&self.node, Command::Shutdown);
    }
}

/// Why a call with a host or network was not obeyed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CallError {
    /// The text names no place.
    #[error(transparent)]
    Place(#[from] PlaceError),
    /// The servent has stopped.
    #[error(transparent)]
    Stopped(#[from] Stopped),
}

/// Why a folder was not shared.
#[derive(Debug, thiserror::Error)]
pub enum ShareError {
    /// It is none, or cannot be read.
    #[error(transparent)]
    Folder(#[from] StartError),
    /// The servent has stopped.
    #[error(transparent)]
    Stopped(#[from] Stopped),
}

/// A download of this hit from the servent that answered, and from those it named.
impl From<Hit> for DownloadRequest {
    fn from(hit: Hit) -> DownloadRequest {
        let others = hit.alternates.into_iter().map(|address| Source {
            address,
            servent: None,
            index: None,
            name: None,
            firewalled: false,
            push_proxies: Vec::new(),
        });
        DownloadRequest {
            name: hit.name.clone(),
            size: Some(hit.size),
            sha1: hit.sha1,
            sources: std::iter::once(hit.source).chain(others).collect(),
        }
    }
}

/// The words of a search that are ignored because they are too short (if all are, none is).
pub fn ignored_words(text: &str) -> Vec<String> {
    let folded = words::fold(text);
    let is_short = |word: &words::Word<'_>| word.bytes.len() < words::WORD_BYTES_MIN;
    if words::searchable(&folded).all(|word| is_short(&word)) {
        return Vec::new();
    }
    let ignored = words::of(&folded).filter(is_short);
    ignored.map(|word| String::from_utf8_lossy(word.bytes).into_owned()).collect()
}

/// A command from where nobody can wait (a drop). It is lost if the node has 256 others to obey
/// first.
fn tell_now(node: &Handle, command: Command) {
    let mut telling = std::pin::pin!(node.command(command));
    let _ = telling.as_mut().poll(&mut Context::from_waker(std::task::Waker::noop()));
}

/// A look at how things stand, under way.
struct Seen(Pin<Box<dyn Future<Output = Result<Arc<View>, Stopped>> + Send + Sync>>);

impl Seen {
    fn ask(node: &Handle) -> Seen {
        let node = node.clone();
        Seen(Box::pin(async move {
            // What is seen then is not older than what made us look.
            smol::Timer::after(VIEW_SETTLES).await;
            node.view().await
        }))
    }

    /// The view; `None` if the servent has stopped.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<Arc<View>>> {
        self.0.as_mut().poll(cx).map(Result::ok)
    }
}

impl fmt::Debug for Seen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Seen")
    }
}
