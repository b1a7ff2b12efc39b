//! Shares a folder and says who comes and goes.
//!
//! ```text
//! cargo run --example share                          a folder with one file, for a moment
//! cargo run --example share -- FOLDER [HOST:PORT]    until you press Enter
//! ```

use std::error::Error;
use std::path::{Path, PathBuf};
use std::time::Duration;

use filbert::servent::{Config, Event, Heard, Options, Servent};
use smol::future::or;
use smol::stream::StreamExt;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let folder = arguments.next();
    let connect = arguments.collect();
    smol::block_on(async {
        match folder {
            Some(folder) => {
                let options = Options { connect, ..Options::default() };
                let servent = share(folder.into(), options).await?;
                // Whatever ends first ends both: a line from the keyboard, or the servent.
                or(smol::unblock(wait_for_enter), tell(&servent)).await;
                servent.stop().await;
                Ok(())
            }
            None => for_a_moment().await,
        }
    })
}

/// Starts a servent that shares a folder.
async fn share(folder: PathBuf, options: Options) -> Result<Servent, Box<dyn Error>> {
    let servent = Servent::start(Options { shares: vec![folder], ..options }).await?;
    println!("sharing on {}; press Enter to end", servent.listen());
    Ok(servent)
}

/// Prints who comes and goes until the servent stops.
async fn tell(servent: &Servent) {
    let mut events = servent.events();
    while let Some(heard) = events.next().await {
        match heard {
            Heard::Event(event) => match &*event {
                Event::LinkUp { peer, user_agent, .. } => println!("+ {peer} {user_agent:?}"),
                Event::LinkDown { peer, why, .. } => println!("- {peer} {}", why.text()),
                _ => {}
            },
            // We print too slowly for all that happens. Nobody waited for us.
            Heard::Missed(count) => println!("({count} events missed)"),
        }
    }
}

fn wait_for_enter() {
    let mut line = String::new();
    if let Err(error) = std::io::stdin().read_line(&mut line) {
        eprintln!("cannot read the keyboard: {error}");
    }
}

/// Shares one file and lets another servent of this machine list it.
async fn for_a_moment() -> Result<(), Box<dyn Error>> {
    let folder = tempfile::tempdir()?;
    std::fs::write(folder.path().join("notes.txt"), "shared\n")?;
    // On the public network nobody should be talked into dialling loopback addresses.
    let config = Config { local_addresses: true, ..Config::default() };
    let listen = "127.0.0.1:0".parse()?;
    let options = Options { listen, config, ..Options::default() };
    let sharer = share(Path::to_owned(folder.path()), options.clone()).await?;
    while sharer.view().await?.files == 0 {
        smol::Timer::after(Duration::from_millis(20)).await;
    }

    let visitor = Servent::start(options).await?;
    let mut files = visitor.browse(&sharer.listen().to_string()).await?;
    while let Some(file) = files.next().await {
        println!("{:?}, {} bytes", file.name, file.size);
    }
    visitor.stop().await;
    sharer.stop().await;
    Ok(())
}
