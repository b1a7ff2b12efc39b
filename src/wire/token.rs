//! Short secrets that one servent makes and another repeats: query keys (protocol.md section 4) and
//! tokens of out-of-band hits (sections 5 and 6).

use super::Malformed;

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
}
