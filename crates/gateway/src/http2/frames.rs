//! Frame headers picked out of the bytes of a connection (RFC 9113 section 4.1), however reads split them.

/// The client's connection preface.
const PREFACE_LENGTH: u32 = 24;

/// Where in the frames the next byte stands.
#[derive(Clone, Copy, Debug)]
pub(super) struct Frames {
    /// Bytes of a preface or a payload that are still to come.
    skip: u32,
    header: [u8; 9],
    filled: u8,
}

/// The header of a frame, as far as the guard looks at it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct FrameHeader {
    /// Payload bytes.
    pub(super) length: u32,
    /// Frame type.
    pub(super) kind: u8,
    /// Flags.
    pub(super) flags: u8,
}

impl Frames {
    pub(super) fn new() -> Self {
        Self { skip: PREFACE_LENGTH, header: [0; 9], filled: 0 }
    }

    /// The next frame header in `bytes`, which is moved past it; nothing when the bytes are used up.
    pub(super) fn next(&mut self, bytes: &mut &[u8]) -> Option<FrameHeader> {
        let skipped = (self.skip as usize).min(bytes.len());
        *bytes = bytes.get(skipped..)?;
        self.skip -= skipped as u32;
        while self.filled < 9 {
            let (first, rest) = bytes.split_first()?;
            *self.header.get_mut(usize::from(self.filled))? = *first;
            self.filled += 1;
            *bytes = rest;
        }
        self.filled = 0;
        let [a, b, c, kind, flags, ..] = self.header;
        let length = u32::from_be_bytes([0, a, b, c]);
        self.skip = length;
        Some(FrameHeader { length, kind, flags })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_are_found_at_any_split() {
        let mut bytes = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec();
        bytes.extend_from_slice(&[0, 0, 6, 4, 0, 0, 0, 0, 0, 1, 2, 3, 4, 5, 6]);
        bytes.extend_from_slice(&[0, 0, 0, 4, 1, 0, 0, 0, 0]);
        bytes.extend_from_slice(&[0, 0, 1, 9, 4, 0, 0, 0, 1, 7]);
        let all = [
            FrameHeader { length: 6, kind: 4, flags: 0 },
            FrameHeader { length: 0, kind: 4, flags: 1 },
            FrameHeader { length: 1, kind: 9, flags: 4 },
        ];
        for split in 0..=bytes.len() {
            let mut frames = Frames::new();
            let mut found = Vec::new();
            let (first, second) = bytes.split_at(split);
            for mut part in [first, second] {
                while let Some(header) = frames.next(&mut part) {
                    found.push(header);
                }
            }
            assert_eq!(found, all, "{split}");
        }
    }
}
