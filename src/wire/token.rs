//! Short secrets that one servent makes and another repeats: query keys (protocol.md section 4) and
//! tokens of out-of-band hits (sections 5 and 6).

use super::Malformed;
use super::ggep::{Blocks, Nul, Writer};

/// Bytes of a token at most. Query keys have 4 to 16 bytes, tokens of living servents 4 to 8.
pub const TOKEN_BYTES_MAX: usize = 32;

/// A few bytes that mean something only to their maker. Never empty.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Token {
    bytes: [u8; TOKEN_BYTES_MAX],
    len: u8,
}

impl Token {
    /// One of these bytes; an error if there are none or more than [`TOKEN_BYTES_MAX`].
    pub fn new(data: &[u8]) -> Result<Token, Malformed> {
        let mut bytes = [0; TOKEN_BYTES_MAX];
        let room = bytes.get_mut(..data.len()).ok_or(Malformed::TooLarge)?;
        room.copy_from_slice(data);
        match data.len() {
            0 => Err(Malformed::BadValue),
            len => Ok(Token { bytes, len: len as u8 }),
        }
    }

    /// The token (`SO`) in the GGEP of a request for hits out of band; none if there is none.
    pub fn in_ggep(area: &[u8]) -> Result<Option<Token>, Malformed> {
        if area.is_empty() {
            return Ok(None);
        }
        for block in Blocks::new(area)? {
            let block = block?;
            if block.id == b"SO" {
                return Token::new(&block.data(TOKEN_BYTES_MAX)?).map(Some);
            }
        }
        Ok(None)
    }

    /// That GGEP.
    pub fn to_ggep(&self) -> Vec<u8> {
        let mut area = Vec::new();
        Writer::new(&mut area, Nul::Allowed).put("SO", self.as_bytes());
        area
    }

    /// Its bytes.
    pub fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..self.len.into()).unwrap_or(&self.bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_one_to_32_bytes() {
        assert_eq!(Token::new(&[]), Err(Malformed::BadValue));
        assert_eq!(Token::new(&[7; TOKEN_BYTES_MAX + 1]), Err(Malformed::TooLarge));
        for len in 1..=TOKEN_BYTES_MAX {
            let bytes = vec![len as u8; len];
            assert_eq!(Token::new(&bytes).unwrap().as_bytes(), bytes);
        }
        assert_ne!(Token::new(&[0]), Token::new(&[0, 0]));
    }

    #[test]
    fn a_token_goes_in_ggep() {
        let token = Token::new(b"\0abc").unwrap();
        assert_eq!(token.to_ggep(), b"\xC3\x82SO\x44\0abc");
        assert_eq!(Token::in_ggep(&token.to_ggep()), Ok(Some(token)));
        assert_eq!(Token::in_ggep(b""), Ok(None));
        assert_eq!(Token::in_ggep(b"\xC3\x82XX\x44\0abc"), Ok(None));
        assert_eq!(Token::in_ggep(b"\xC3\x82SO\x40"), Err(Malformed::BadValue));
        assert!(Token::in_ggep(b"SO").is_err());
    }
}
