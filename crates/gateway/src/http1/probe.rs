//! What fuzz targets look into from outside.

use super::head;

/// Judges the first head in `bytes`, which come in pieces of `piece` bytes, as the guard does: its length where it
/// may pass; `None` where it is refused or not complete.
pub fn judge_head(bytes: &[u8], piece: usize) -> Option<usize> {
    let (mut seen, mut searched) = (0, 0);
    while seen < bytes.len() {
        seen = (seen + piece.max(1)).min(bytes.len());
        if let Some(end) = head::find_end(bytes.get(..seen)?, &mut searched) {
            return head::check(bytes.get(..end)?, 100).ok().map(|_| end);
        }
    }
    None
}
