//! Kinds of files, told by the endings of their names.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::wire::Media;

/// A kind of file as a person asks for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FileKind {
    /// Music and speech.
    Audio,
    /// Films.
    Video,
    /// Texts.
    Document,
    /// Pictures.
    Image,
    /// Programs and packages, for any system.
    Program,
}

impl FileKind {
    /// All of them.
    pub const ALL: [FileKind; 5] =
        [FileKind::Audio, FileKind::Video, FileKind::Document, FileKind::Image, FileKind::Program];

    /// The kind as queries name it.
    pub fn media(self) -> Media {
        match self {
            FileKind::Audio => Media::AUDIO,
            FileKind::Video => Media::VIDEO,
            FileKind::Document => Media::DOCUMENT,
            FileKind::Image => Media::IMAGE,
            FileKind::Program => Media::PROGRAM,
        }
    }

    /// Its name: `audio` and so on.
    pub fn name(self) -> &'static str {
        match self {
            FileKind::Audio => "audio",
            FileKind::Video => "video",
            FileKind::Document => "document",
            FileKind::Image => "image",
            FileKind::Program => "program",
        }
    }
}

impl fmt::Display for FileKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for FileKind {
    type Err = String;

    /// Reads a name; the error says which there are.
    fn from_str(text: &str) -> Result<FileKind, String> {
        FileKind::ALL
            .into_iter()
            .find(|kind| kind.name() == text)
            .ok_or_else(|| format!("one of {}", FileKind::ALL.map(FileKind::name).join(", ")))
    }
}

/// Endings and their kinds, in alphabetical order. Some are of several kinds: a name does not say
/// what is in a container, and most archives hold programs for some system.
const ENDINGS: &[(&str, Media)] = &[
    ("7z", Media::PROGRAM),
    ("aac", Media::AUDIO),
    ("abw", Media::DOCUMENT),
    ("aif", Media::AUDIO),
    ("aiff", Media::AUDIO),
    ("apk", Media::UNIX),
    ("appimage", Media::UNIX),
    ("asf", Media::VIDEO),
    ("avi", Media::VIDEO),
    ("azw3", Media::DOCUMENT),
    ("bat", Media::WINDOWS),
    ("bin", Media::PROGRAM),
    ("bmp", Media::IMAGE),
    ("bz2", Media::UNIX),
    ("cab", Media::WINDOWS),
    ("chm", Media::DOCUMENT),
    ("com", Media::WINDOWS),
    ("csv", Media::DOCUMENT),
    ("cue", Media::PROGRAM),
    ("deb", Media::UNIX),
    ("djvu", Media::DOCUMENT),
    ("dmg", Media::UNIX),
    ("doc", Media::DOCUMENT),
    ("docx", Media::DOCUMENT),
    ("eps", Media(Media::DOCUMENT.0 | Media::IMAGE.0)),
    ("epub", Media::DOCUMENT),
    ("exe", Media::WINDOWS),
    ("flac", Media::AUDIO),
    ("flv", Media::VIDEO),
    ("gif", Media::IMAGE),
    ("gz", Media::UNIX),
    ("heic", Media::IMAGE),
    ("htm", Media::DOCUMENT),
    ("html", Media::DOCUMENT),
    ("ico", Media::IMAGE),
    ("img", Media(Media::IMAGE.0 | Media::PROGRAM.0)),
    ("iso", Media::PROGRAM),
    ("jar", Media::PROGRAM),
    ("jpeg", Media::IMAGE),
    ("jpg", Media::IMAGE),
    ("m2v", Media::VIDEO),
    ("m3u", Media::AUDIO),
    ("m4a", Media::AUDIO),
    ("m4v", Media::VIDEO),
    ("md", Media::DOCUMENT),
    ("mid", Media::AUDIO),
    ("midi", Media::AUDIO),
    ("mka", Media::AUDIO),
    ("mkv", Media::VIDEO),
    ("mobi", Media::DOCUMENT),
    ("mod", Media::AUDIO),
    ("mov", Media::VIDEO),
    ("mp2", Media(Media::AUDIO.0 | Media::VIDEO.0)),
    ("mp3", Media::AUDIO),
    ("mp4", Media(Media::AUDIO.0 | Media::VIDEO.0)),
    ("mpa", Media::AUDIO),
    ("mpeg", Media::VIDEO),
    ("mpg", Media::VIDEO),
    ("msi", Media::WINDOWS),
    ("nrg", Media::PROGRAM),
    ("odp", Media::DOCUMENT),
    ("ods", Media::DOCUMENT),
    ("odt", Media::DOCUMENT),
    ("oga", Media::AUDIO),
    ("ogg", Media::AUDIO),
    ("ogm", Media::VIDEO),
    ("ogv", Media::VIDEO),
    ("opus", Media::AUDIO),
    ("pdf", Media::DOCUMENT),
    ("pif", Media::WINDOWS),
    ("pkg", Media::UNIX),
    ("png", Media::IMAGE),
    ("ppt", Media::DOCUMENT),
    ("pptx", Media::DOCUMENT),
    ("ps", Media::DOCUMENT),
    ("psd", Media::IMAGE),
    ("qt", Media::VIDEO),
    ("ra", Media::AUDIO),
    ("ram", Media(Media::AUDIO.0 | Media::VIDEO.0)),
    ("rar", Media::PROGRAM),
    ("rm", Media(Media::AUDIO.0 | Media::VIDEO.0)),
    ("rmvb", Media::VIDEO),
    ("rpm", Media::UNIX),
    ("rtf", Media::DOCUMENT),
    ("scr", Media::WINDOWS),
    ("sh", Media::UNIX),
    ("sit", Media::UNIX),
    ("srt", Media::VIDEO),
    ("svg", Media::IMAGE),
    ("swf", Media::VIDEO),
    ("tar", Media::UNIX),
    ("tex", Media::DOCUMENT),
    ("tga", Media::IMAGE),
    ("tgz", Media::UNIX),
    ("tif", Media::IMAGE),
    ("tiff", Media::IMAGE),
    ("txt", Media::DOCUMENT),
    ("vbs", Media::WINDOWS),
    ("vob", Media::VIDEO),
    ("wav", Media::AUDIO),
    ("webm", Media::VIDEO),
    ("webp", Media::IMAGE),
    ("wma", Media::AUDIO),
    ("wmv", Media::VIDEO),
    ("xcf", Media::IMAGE),
    ("xls", Media::DOCUMENT),
    ("xlsx", Media::DOCUMENT),
    ("xml", Media::DOCUMENT),
    ("xz", Media::UNIX),
    ("zip", Media::PROGRAM),
    ("zst", Media::UNIX),
];

/// Characters of the longest ending.
const ENDING_CHARS_MAX: usize = 8;

/// The kinds of file that a name may stand for; none if its ending says nothing.
pub fn kinds_of(name: &str) -> Media {
    let Some((_, ending)) = name.rsplit_once('.') else { return Media::default() };
    let mut lower = [0; ENDING_CHARS_MAX];
    let Some(lower) = lower.get_mut(..ending.len()) else { return Media::default() };
    lower.copy_from_slice(ending.as_bytes());
    lower.make_ascii_lowercase();
    let found = ENDINGS.binary_search_by(|(known, _)| known.as_bytes().cmp(lower));
    found.ok().and_then(|at| ENDINGS.get(at)).map_or(Media::default(), |&(_, kinds)| kinds)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ending_tells_the_kind() {
        assert!(ENDINGS.is_sorted_by_key(|(ending, _)| *ending));
        assert!(ENDINGS.iter().all(|(ending, _)| ending.len() <= ENDING_CHARS_MAX));
        for (name, kinds) in [
            ("a song.MP3", Media::AUDIO),
            ("a.b.c.ogg", Media::AUDIO),
            ("clip.mp4", Media::AUDIO | Media::VIDEO),
            ("setup.exe", Media::WINDOWS),
            ("disk.iso", Media::PROGRAM),
            ("paper.pdf", Media::DOCUMENT),
            ("photo.JpEg", Media::IMAGE),
            ("mp3", Media::default()),
            ("a.", Media::default()),
            ("a.longer than any ending", Media::default()),
            ("a.\u{e9}", Media::default()),
        ] {
            assert_eq!(kinds_of(name), kinds, "{name}");
        }
    }
}
