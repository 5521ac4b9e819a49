//! `t:cmdLine`: undoes what shells of Unix and Windows ignore: drops `\`, quotes and `^`, turns `,`, `;` and runs of white space into one space, drops spaces before `/` and `(`, lowers letters.

use super::{Transformation, Trigger};
use crate::byte_class::ByteSet;

pub(super) const CMD_LINE: Transformation = Transformation {
    trigger: Trigger::Bytes(ByteSet::of(b"\\\"'^,; \t\r\n\x0b\x0c").union(ByteSet::range(b'A', b'Z'))),
    apply,
};

fn apply(input: &[u8], output: &mut Vec<u8>) {
    let mut after_space = false;
    for &byte in input {
        match byte {
            b'"' | b'\'' | b'\\' | b'^' => {}
            b' ' | b',' | b';' | b'\t' | b'\r' | b'\n' => {
                if !after_space {
                    output.push(b' ');
                    after_space = true;
                }
            }
            b'/' | b'(' => {
                if after_space {
                    output.pop();
                }
                after_space = false;
                output.push(byte);
            }
            _ => {
                after_space = false;
                output.push(byte.to_ascii_lowercase());
            }
        }
    }
}
