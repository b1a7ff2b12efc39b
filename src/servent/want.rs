//! From what a person pastes to a download: magnets and URNs.

use thiserror::Error;

use super::{DownloadRequest, Host, Sha1, Source};
use crate::wire::http::Target;
use crate::wire::magnet::{Magnet, MagnetError, WebSource};

/// Why a text names no file that could be downloaded.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum WantError {
    /// A magnet that is wrong.
    #[error("{0}")]
    Magnet(#[from] MagnetError),
    /// A magnet without hash and usable source.
    #[error("the magnet names no file, only words: search for {0:?} instead")]
    OnlyWords(String),
    /// A magnet whose sources are all unusable, and without a hash.
    #[error("the magnet has no hash, and none of its sources is a servent that can be reached")]
    NoSource,
    /// Neither magnet nor URN.
    #[error(
        "{0:?} is no magnet (magnet:?xt=urn:sha1:...), no URN (urn:sha1:...) and no hash of 32 \
         characters A-Z and 2-7"
    )]
    NotAFile(String),
}

/// What to download for a magnet link, a URN or a bare SHA-1. Host names in a magnet are looked
/// up; its sources that cannot be used are left out as long as there is another way.
pub async fn want(text: &str) -> Result<DownloadRequest, WantError> {
    let text = text.trim();
    let is_magnet =
        text.split_at_checked(7).is_some_and(|(scheme, _)| scheme.eq_ignore_ascii_case("magnet:"));
    if !is_magnet {
        let sha1: Sha1 = text.parse().map_err(|_| WantError::NotAFile(text.to_owned()))?;
        return Ok(DownloadRequest {
            name: sha1.to_string(),
            sha1: Some(sha1),
            ..DownloadRequest::default()
        });
    }
    let magnet: Magnet = text.parse()?;
    let mut sha1 = magnet.sha1;
    let mut name = magnet.name;
    let mut sources = Vec::new();
    for place in magnet.sources {
        sources.extend(source_of(place, &mut sha1, &mut name).await);
    }
    if sha1.is_none() && sources.is_empty() {
        return Err(magnet.keywords.map_or(WantError::NoSource, WantError::OnlyWords));
    }
    let name = name.or_else(|| sha1.map(|sha1| sha1.to_string())).unwrap_or_default();
    Ok(DownloadRequest { name, size: magnet.size, sha1, sources })
}

/// The servent behind a URL, if we can ask it; learns hash and name from the URL if they were not
/// known.
async fn source_of(
    place: WebSource,
    sha1: &mut Option<Sha1>,
    name: &mut Option<String>,
) -> Option<Source> {
    let (index, its_name) = match place.target {
        Target::Get { index, name: its_name } => {
            if name.is_none() {
                name.clone_from(&its_name);
            }
            (Some(index), its_name)
        }
        // A URL that names another content is not a source of this one.
        Target::Urn(urn) if *sha1.get_or_insert(urn) == urn => (None, None),
        _ => return None,
    };
    let host = Host { name: place.host, port: place.port };
    let address = host.resolve().await.ok()?;
    Some(Source {
        address,
        servent: None,
        index,
        name: its_name,
        firewalled: false,
        push_proxies: Vec::new(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const HASH: &str = "PLSTHIPQGSSZTS5FJUPAKUZWUGYQYPFB";
    const OTHER: &str = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

    fn wanted(text: &str) -> Result<DownloadRequest, WantError> {
        smol::block_on(want(text))
    }

    #[test]
    fn hashes_urns_and_magnets_name_files() {
        let lower = HASH.to_ascii_lowercase();
        for text in [HASH, &format!(" urn:sha1:{HASH}\n"), &format!("magnet:?xt=urn:sha1:{lower}")]
        {
            let request = wanted(text).unwrap();
            assert_eq!(request.sha1, HASH.parse().ok(), "{text}");
            assert_eq!(request.name, HASH, "{text}");
        }
        let full = wanted(&format!("magnet:?xt=urn:sha1:{HASH}&dn=a%20b.pdf&xl=12")).unwrap();
        assert_eq!((full.name.as_str(), full.size), ("a b.pdf", Some(12)));
    }

    #[test]
    fn sources_of_a_magnet_are_taken_as_far_as_they_can_be_asked() {
        let text = format!(
            "magnet:?xt=urn:sha1:{HASH}&xs=http://10.0.0.1:80/uri-res/N2R?urn:sha1:{HASH}\
             &xs=http://10.0.0.2:80/get/7/a.pdf&xs=http://10.0.0.3/uri-res/N2R?urn:sha1:{OTHER}\
             &xs=http://10.0.0.4/some/page"
        );
        let request = wanted(&text).unwrap();
        let addresses: Vec<_> = request.sources.iter().map(|s| s.address.to_string()).collect();
        assert_eq!(addresses, ["10.0.0.1:80", "10.0.0.2:80"]);
        assert_eq!(request.sources[1].index, Some(7));
        assert_eq!(request.name, "a.pdf");
        let only_source = wanted("magnet:?xs=http://10.0.0.2:80/get/7/a.pdf").unwrap();
        assert_eq!((only_source.sha1, only_source.sources.len()), (None, 1));
    }

    #[test]
    fn what_names_no_file_is_refused_with_a_reason() {
        assert_eq!(wanted("hello"), Err(WantError::NotAFile("hello".to_owned())));
        assert_eq!(wanted(""), Err(WantError::NotAFile(String::new())));
        assert_eq!(
            wanted("magnet:?kt=some+words"),
            Err(WantError::OnlyWords("some words".to_owned()))
        );
        assert_eq!(wanted("magnet:?xs=http://10.0.0.4/page"), Err(WantError::NoSource));
        assert!(matches!(wanted("magnet:?"), Err(WantError::Magnet(_))));
    }
}
