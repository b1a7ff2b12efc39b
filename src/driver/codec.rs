//! Values on disk: how they become bytes and how damage is noticed. The only file that knows bincode.
//!
//! A sealed value is, integers little-endian: `filb`, four bytes that name its kind, its version
//! (u32), the length of what follows the head (u64), the SHA-1 of that (20 bytes), and that: the
//! value in bincode 2 (standard configuration: variable-length integers). Golden files in the
//! tests of each kind own the layout, so that bincode can be replaced.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use sha1::{Digest, Sha1};
use thiserror::Error;

/// A sealed value has at most so many bytes: a hash index of some five million files.
pub const SEALED_BYTES_MAX: usize = 1 << 30;

const MAGIC: [u8; 4] = *b"filb";
const HEAD_BYTES: usize = 40;

/// Why bytes are not the sealed value they should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum Damage {
    /// They begin with something else.
    #[error("is not a file of this kind")]
    OtherKind,
    /// Another version of filbert wrote them.
    #[error("has version {0}")]
    OtherVersion(u32),
    /// Bytes are missing, or there are too many.
    #[error("has the wrong length")]
    WrongLength,
    /// Bytes have changed.
    #[error("has the wrong checksum")]
    WrongChecksum,
    /// The checksum is right, but the content is no such value.
    #[error("has content that cannot be read")]
    BadContent,
    /// The system could not read them.
    #[error("cannot be read")]
    Unreadable,
}

/// What a sealed value is: four bytes and the version of its layout.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kind {
    /// Names it.
    pub name: [u8; 4],
    /// Counts changes of its layout.
    pub version: u32,
}

/// Seals a value. Fails with [`Damage::BadContent`] on a value that bincode cannot write, and with
/// [`Damage::WrongLength`] on one larger than [`SEALED_BYTES_MAX`].
pub fn seal(kind: Kind, value: &impl Serialize) -> Result<Vec<u8>, Damage> {
    let mut sealed = vec![0; HEAD_BYTES];
    let config = bincode::config::standard();
    bincode::serde::encode_into_std_write(value, &mut sealed, config)
        .map_err(|_| Damage::BadContent)?;
    if sealed.len() > SEALED_BYTES_MAX {
        return Err(Damage::WrongLength);
    }
    let (head, body) = sealed.split_at_mut(HEAD_BYTES);
    head.copy_from_slice(&head_of(kind, body));
    Ok(sealed)
}

/// Reads a sealed value; whatever the bytes are, it returns and allocates no more than some times
/// their length.
pub fn unseal<T: DeserializeOwned>(kind: Kind, sealed: &[u8]) -> Result<T, Damage> {
    let (head, body) = sealed.split_at_checked(HEAD_BYTES).ok_or(Damage::WrongLength)?;
    let right = head_of(kind, body);
    if head[..8] != right[..8] {
        return Err(Damage::OtherKind);
    }
    if head[8..12] != right[8..12] {
        return Err(Damage::OtherVersion(u32::from_le_bytes([
            head[8], head[9], head[10], head[11],
        ])));
    }
    if head[12..20] != right[12..20] {
        return Err(Damage::WrongLength);
    }
    if head != right {
        return Err(Damage::WrongChecksum);
    }
    let config = bincode::config::standard().with_limit::<SEALED_BYTES_MAX>();
    match bincode::serde::decode_from_slice(body, config) {
        Ok((value, used)) if used == body.len() => Ok(value),
        _ => Err(Damage::BadContent),
    }
}

/// Appends a value without any seal, for whoever frames values himself. Only for values of our
/// own that bincode can write; of others nothing or a part is appended.
pub(super) fn append(bytes: &mut Vec<u8>, value: &impl Serialize) {
    // Into memory nothing but such a value can fail.
    let _ = bincode::serde::encode_into_std_write(value, bytes, bincode::config::standard());
}

/// Reads a value that was appended, and nothing after it.
pub(super) fn read<'a, T: Deserialize<'a>>(bytes: &'a [u8]) -> Result<T, Damage> {
    let config = bincode::config::standard().with_limit::<SEALED_BYTES_MAX>();
    match bincode::serde::borrow_decode_from_slice(bytes, config) {
        Ok((value, used)) if used == bytes.len() => Ok(value),
        _ => Err(Damage::BadContent),
    }
}

fn head_of(kind: Kind, body: &[u8]) -> [u8; HEAD_BYTES] {
    let mut head = [0; HEAD_BYTES];
    head[..4].copy_from_slice(&MAGIC);
    head[4..8].copy_from_slice(&kind.name);
    head[8..12].copy_from_slice(&kind.version.to_le_bytes());
    head[12..20].copy_from_slice(&(body.len() as u64).to_le_bytes());
    head[20..].copy_from_slice(&Sha1::digest(body));
    head
}

#[cfg(test)]
mod tests {
    use super::*;

    const KIND: Kind = Kind { name: *b"test", version: 3 };

    #[test]
    fn a_value_comes_back() {
        let value = (7_u64, "seven".to_owned(), vec![Some(7_u8), None]);
        let sealed = seal(KIND, &value).unwrap();
        assert_eq!(unseal(KIND, &sealed), Ok(value));
    }

    #[test]
    fn damage_is_named() {
        let sealed = seal(KIND, &300_u64).unwrap();
        let other = Kind { name: *b"othr", ..KIND };
        assert_eq!(unseal::<u64>(other, &sealed), Err(Damage::OtherKind));
        let newer = seal(Kind { version: 4, ..KIND }, &300_u64).unwrap();
        assert_eq!(unseal::<u64>(KIND, &newer), Err(Damage::OtherVersion(4)));
        assert_eq!(unseal::<u64>(KIND, &sealed[..sealed.len() - 1]), Err(Damage::WrongLength));
        assert_eq!(unseal::<u64>(KIND, &sealed[..3]), Err(Damage::WrongLength));
        assert_eq!(unseal::<(u64, u8)>(KIND, &sealed), Err(Damage::BadContent));
        let longer = seal(KIND, &(300_u64, 1_u8)).unwrap();
        assert_eq!(unseal::<u64>(KIND, &longer), Err(Damage::BadContent));
    }

    #[test]
    fn every_changed_byte_is_noticed() {
        let sealed = seal(KIND, &"some text".to_owned()).unwrap();
        for at in 0..sealed.len() {
            for bit in 0..8 {
                let mut changed = sealed.clone();
                changed[at] ^= 1 << bit;
                assert!(unseal::<String>(KIND, &changed).is_err(), "byte {at}, bit {bit}");
            }
            assert!(unseal::<String>(KIND, &sealed[..at]).is_err(), "cut at {at}");
        }
    }

    #[test]
    fn a_lie_about_a_length_allocates_nothing() {
        // A correct seal around a list that claims 2^63 texts.
        let lie = [253_u8, 0, 0, 0, 0, 0, 0, 0, 0x80];
        let mut sealed = head_of(KIND, &lie).to_vec();
        sealed.extend(lie);
        assert_eq!(unseal::<Vec<String>>(KIND, &sealed), Err(Damage::BadContent));
    }
}
