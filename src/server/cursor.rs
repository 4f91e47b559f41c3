//! The `id:` of events: a position that is worth something on its own job only (G14).
//!
//! A cursor is the position and its MAC under a key of this one life of this one job. So a cursor of another job, of an
//! earlier life, one that is made up, cut off, or empty, is told from a genuine one before the router is asked.

use super::authority::Key;
use crate::router::Position;
use data_encoding::BASE64URL_NOPAD;
use subtle::ConstantTimeEq;

const MAC_BYTES: usize = 16;
const CURSOR_BYTES: usize = 8 + MAC_BYTES;

/// Makes and reads the cursors of one channel.
#[derive(Clone)]
pub(super) struct Cursors {
    key: Key,
    incarnation: u64,
}

impl Cursors {
    /// `root` is the service's key; `name` the job's name, or the empty text for the operators' channel.
    pub(super) fn new(root: &Key, name: &str, incarnation: u64) -> Cursors {
        let purpose = [b"narrowcast/1 cursor ", &incarnation.to_be_bytes()[..], name.as_bytes()].concat();
        Cursors { key: root.derive(&purpose), incarnation }
    }

    fn mac(&self, sequence: [u8; 8]) -> [u8; MAC_BYTES] {
        let mac = self.key.mac(&sequence);
        std::array::from_fn(|at| mac[at])
    }

    /// The cursor of a position.
    pub(super) fn seal(&self, sequence: u64) -> String {
        let mut bytes = [0; CURSOR_BYTES];
        let (position, mac) = bytes.split_at_mut(8);
        position.copy_from_slice(&sequence.to_be_bytes());
        mac.copy_from_slice(&self.mac(sequence.to_be_bytes()));
        BASE64URL_NOPAD.encode(&bytes)
    }

    /// The position of a cursor; `None` if we have not made it, for this life of this job.
    pub(super) fn open(&self, text: &str) -> Option<Position> {
        let bytes = <[u8; CURSOR_BYTES]>::try_from(BASE64URL_NOPAD.decode(text.as_bytes()).ok()?).ok()?;
        let position: [u8; 8] = std::array::from_fn(|at| bytes[at]);
        let genuine = bool::from(self.mac(position).ct_eq(&bytes[8..]));
        genuine.then(|| Position { incarnation: self.incarnation, sequence: u64::from_be_bytes(position) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_is_worth_something_on_its_own_job_and_life_only() {
        let root = Key::root(None);
        let here = Cursors::new(&root, "job-a", 7);
        for sequence in [0, 1, u64::MAX] {
            let cursor = here.seal(sequence);
            assert_eq!(here.open(&cursor), Some(Position { incarnation: 7, sequence }));
            for other in [("job-b", 7), ("job-a", 8), ("", 7)] {
                assert_eq!(Cursors::new(&root, other.0, other.1).open(&cursor), None, "{other:?}");
            }
            assert_eq!(Cursors::new(&Key::root(None), "job-a", 7).open(&cursor), None, "another process");
            assert_eq!(here.open(&cursor[..31]), None);
            assert_eq!(here.open(&cursor.replace(&cursor[..1], "/")), None);
        }
        for made_up in ["", "0", "-1", "18446744073709551616", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", "\u{0}", "*"] {
            assert_eq!(here.open(made_up), None, "{made_up:?}");
        }
    }
}
