//! GIV: the line with which a servent that was asked to push opens its connection
//! (protocol.md section 7).

use super::head::{decimal, next_line, push_text};
use super::{Guid, Malformed};

/// `GIV INDEX:GUID/NAME` and an empty line; whoever accepted the connection then sends its GET.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Giv {
    /// The index that the push asked for.
    pub index: u32,
    /// The servent that pushes.
    pub servent: Guid,
    /// What it calls the file. Says nothing: gtk-gnutella writes `file` whatever the file is.
    pub name: String,
}

impl Giv {
    /// Reads a whole head, as [`Finder`](super::head::Finder) found it. Bytes of the name that are
    /// not UTF-8 are replaced.
    pub fn parse(head: &[u8]) -> Result<Giv, Malformed> {
        let (line, after) = next_line(head)?;
        if !matches!(after, b"\n" | b"\r\n") {
            return Err(Malformed::BadHead);
        }
        let line = String::from_utf8_lossy(line);
        let rest = line.strip_prefix("GIV ").ok_or(Malformed::BadHead)?;
        let (index, rest) = rest.split_once(':').ok_or(Malformed::BadHead)?;
        let (servent, name) = rest.split_once('/').ok_or(Malformed::BadHead)?;
        let index = decimal(index.trim()).and_then(|n| u32::try_from(n).ok());
        Ok(Giv {
            index: index.ok_or(Malformed::BadValue)?,
            servent: servent.parse()?,
            name: name.to_owned(),
        })
    }

    /// The bytes of the line and the empty line.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(64);
        push_text(&mut out, &format!("GIV {}:{}/{}", self.index, self.servent, self.name));
        out.extend_from_slice(b"\n\n");
        out
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_name_may_be_anything() {
        let giv = Giv::parse(b"GIV 7:F3F63102d66f0a4962fb89444e90de01/a/b: c\r\n\r\n").unwrap();
        assert_eq!((giv.index, giv.name.as_str()), (7, "a/b: c"));
        assert_eq!(giv.to_bytes(), b"GIV 7:f3f63102d66f0a4962fb89444e90de01/a/b: c\n\n");
        assert_eq!(Giv::parse(b"GIV 0:00000000000000000000000000000000/\n\n").unwrap().name, "");
    }

    #[test]
    fn what_is_not_a_giv_is_refused() {
        for bad in [
            &b""[..],
            b"GIV 7:f3f63102d66f0a4962fb89444e90de01/x\n",
            b"GIV 7:f3f63102d66f0a4962fb89444e90de01/x\n\nG",
            b"GIV 7:f3f63102d66f0a4962fb89444e90de01/x\nHost: a\n\n",
            b"GIV 7:f3f63102d66f0a4962fb89444e90de01/x\0\n\n",
            b"GIV 7:f3f63102d66f0a4962fb89444e90de01/x\ry\n\n",
            b"GIV 7:f3f63102d66f0a4962fb89444e90de01\n\n",
            b"GIV 7:f3f63102d66f0a4962fb89444e90de/x\n\n",
            b"GIV 4294967296:f3f63102d66f0a4962fb89444e90de01/x\n\n",
            b"GIV -1:f3f63102d66f0a4962fb89444e90de01/x\n\n",
            b"GIV f3f63102d66f0a4962fb89444e90de01/x\n\n",
            b"giv 7:f3f63102d66f0a4962fb89444e90de01/x\n\n",
        ] {
            assert!(Giv::parse(bad).is_err(), "{:?}", String::from_utf8_lossy(bad));
        }
    }

    proptest! {
        #[test]
        fn round_trip(index: u32, servent: [u8; 16], name in "[^\\p{Cc}]{0,40}") {
            let giv = Giv { index, servent: Guid(servent), name };
            prop_assert_eq!(Giv::parse(&giv.to_bytes()), Ok(giv));
        }

        #[test]
        fn one_line_whatever_the_name(name in any::<String>()) {
            let giv = Giv { index: 1, servent: Guid::ZERO, name };
            prop_assert!(Giv::parse(&giv.to_bytes()).is_ok());
        }

        #[test]
        fn any_bytes(bytes in any::<Vec<u8>>()) {
            let _ = Giv::parse(&bytes);
            let _ = Giv::parse(&[b"GIV ", &bytes[..], b"\n\n"].concat());
        }
    }
}
