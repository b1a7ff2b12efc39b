//! Kinds of files that a query wants: the mask of GGEP `M` (protocol.md section 5).

use std::ops::BitOr;

/// A set of kinds of files.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Media(pub u32);

impl Media {
    /// Music and speech.
    pub const AUDIO: Media = Media(0x04);
    /// Films.
    pub const VIDEO: Media = Media(0x08);
    /// Texts.
    pub const DOCUMENT: Media = Media(0x10);
    /// Pictures.
    pub const IMAGE: Media = Media(0x20);
    /// Programs and packages for Windows.
    pub const WINDOWS: Media = Media(0x40);
    /// Programs and packages for other systems.
    pub const UNIX: Media = Media(0x80);
    /// Programs and packages for any system.
    pub const PROGRAM: Media = Media(0xC0);
    /// All of these.
    pub const ANY: Media = Media(0xFC);

    /// Whether the sets have a kind in common.
    pub fn meets(self, other: Media) -> bool {
        self.0 & other.0 != 0
    }

    /// The mask as it counts: one that has none of the kinds above filters nothing, as if it were
    /// not there (other servents do the same, and bits of later kinds must not silence us).
    pub fn known(self) -> Option<Media> {
        let known = Media(self.0 & Media::ANY.0);
        (known != Media(0)).then_some(known)
    }
}

impl BitOr for Media {
    type Output = Media;

    fn bitor(self, other: Media) -> Media {
        Media(self.0 | other.0)
    }
}
